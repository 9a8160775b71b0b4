import type { Copies } from '../copy/outcome.ts';
import type { Judgement } from '../plan/judgement.ts';
import type { ObserveAdmission } from './event.ts';
import type { Policy } from './verdict.ts';

/** What the webhook works with. */
export interface Cloning {
  readonly copies: Copies;
  /** Read once for each request: it may be another one for the next. */
  readonly judgement: Judgement;
  readonly settings: Policy & {
    /** Longest wait for copies inside an admission, however long the API server would. */
    readonly waitSeconds: number;
  };
  readonly observe: ObserveAdmission;
}
