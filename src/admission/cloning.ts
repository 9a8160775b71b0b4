import type { Copies } from '../copy/outcome.ts';
import type { Tenant } from '../copy/tenant.ts';
import type { Reference } from '../image/reference.ts';
import type { Judgement } from '../plan/judgement.ts';
import type { PullSecrets } from '../workload/pull-secrets.ts';
import type { ObserveAdmission } from './event.ts';
import type { Policy } from './verdict.ts';

/** Whose workload it is, and what its pods may pull their images with. */
export interface Asker {
  readonly namespace: string;
  readonly pullSecrets: PullSecrets;
}

/** The asker as one who may read sources that are not for everybody. Asks nobody anything yet. */
export type TenantOf = (asker: Asker, source: Reference) => Omit<Tenant, 'backup'>;

/** What the webhook works with. */
export interface Cloning {
  readonly copies: Copies;
  /** Default: every source is read as everybody reads it. */
  readonly tenantOf?: TenantOf | undefined;
  /** Read once for each request: it may be another one for the next. */
  readonly judgement: Judgement;
  readonly settings: Policy & {
    /** Longest wait for copies inside an admission, however long the API server would. */
    readonly waitSeconds: number;
  };
  readonly observe: ObserveAdmission;
}
