import type { Copies } from '../copy/outcome.ts';
import type { Naming } from '../plan/naming.ts';
import type { ObserveAdmission } from './event.ts';
import type { Policy } from './verdict.ts';

/** What the webhook works with. */
export interface Cloning {
  readonly copies: Copies;
  readonly naming: Naming;
  readonly settings: Policy & {
    /** Longest wait for copies inside an admission, however long the API server would. */
    readonly waitSeconds: number;
  };
  readonly observe: ObserveAdmission;
}
