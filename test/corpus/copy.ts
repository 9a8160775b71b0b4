import type { CopyEvent } from '../../src/copy/event.ts';
import type { CopyTask, Outcome } from '../../src/copy/outcome.ts';
import { copierOn } from '../fakes/copying.ts';
import { never, type Stage } from '../fakes/stage.ts';
import type { Sample } from './corpus.ts';
import type { Held } from './held.ts';
import { TAG } from './seed.ts';

/** A registry that runs. */
export interface Side {
  readonly host: string;
  readonly url: string;
  /** It finds referrers itself: it has the API. */
  readonly lists: boolean;
}

/** The repository that a sample is put into at a source: each has its own. */
export function pathOf({ kind }: Sample): string {
  return kind.toLowerCase().replaceAll(/[^a-z0-9]+/g, '-');
}

interface Copied {
  readonly outcome: Outcome;
  /** What was said to have gone wrong, of referrers as well. */
  readonly faults: readonly string[];
}

/** Copies a sample, as the webhook does, with all that refers to it. */
export async function copySample(stage: Stage, sample: Sample, source: Side, target: Side): Promise<Copied> {
  const events: CopyEvent[] = [];
  const copier = copierOn(stage, { referrers: true, observe: (event) => events.push(event) });
  const outcome = await copier.ensure(taskOf(sample, source, target), never);
  await copier.settled();
  return { outcome, faults: events.flatMap((event) => ('error' in event ? [event.error.message] : [])) };
}

function taskOf(sample: Sample, source: Side, target: Side): CopyTask {
  const { image, untagged } = sample;
  const name = untagged ? { digest: image.content.descriptor.digest } : { tag: TAG };
  return {
    source: { host: source.host, path: pathOf(sample), ...name },
    backup: { host: target.host, path: `backup/${pathOf(sample)}`, ...name },
  };
}

/** Where the copy of a sample is. */
export function heldBy(target: Side, sample: Sample): Held {
  return { url: `${target.url}/v2/backup/${pathOf(sample)}` };
}
