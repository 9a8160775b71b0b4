import { readReference } from '../image/reference.ts';
import type { ImageUse } from '../workload/images.ts';
import type { Decision, SkipReason } from './decision.ts';
import { backupOf, type Naming } from './naming.ts';
import { isBackup } from './prefix.ts';

/** Istio writes it where its sidecar injector is to put the image; as a reference it would be `library/auto`. */
const PLACEHOLDER = 'auto';

/** One decision for each image, in the order given. */
export function planImages(uses: readonly ImageUse[], naming: Naming): readonly Decision[] {
  return uses.map((use) => planImage(use, naming));
}

function planImage(use: ImageUse, naming: Naming): Decision {
  const reason = reasonToSkip(use);
  if (reason !== undefined) return { action: 'skip', use, reason };
  const source = readReference(use.image);
  if (source === undefined) return { action: 'skip', use, reason: 'unparsable' };
  if (isBackup(source, naming.prefix)) return { action: 'skip', use, reason: 'already-backup' };
  return { action: 'copy', use, source, backup: backupOf(source, naming) };
}

function reasonToSkip({ image, pullPolicy }: ImageUse): SkipReason | undefined {
  if (image === '') return 'empty';
  if (image === PLACEHOLDER) return 'placeholder';
  return pullPolicy === 'Never' ? 'never-pulled' : undefined;
}
