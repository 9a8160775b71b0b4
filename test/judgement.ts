import type { Judgement } from '../src/plan/judgement.ts';
import { parsePrefix } from '../src/plan/prefix.ts';
import { BUILT_IN_KINDS } from '../src/workload/kinds.ts';

/** What decides where nobody configured anything but the backup registry. */
export const JUDGEMENT: Judgement = {
  enabled: true,
  naming: { prefix: parsePrefix('registry.example.com/backup', undefined), scheme: 'keep-host' },
  kinds: BUILT_IN_KINDS,
  sources: { allow: [], deny: [] },
  rules: [],
};
