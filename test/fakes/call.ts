import type { Incoming } from './listener.ts';
import type { Repository, Store } from './store.ts';
import type { Traits } from './traits.ts';

/** A request for one part of one repository: `GET /v2/<name>/manifests/<id>`. */
export interface Call {
  readonly name: string;
  /** Tag, digest or upload id. */
  readonly id: string;
  readonly repository: Repository;
  readonly store: Store;
  readonly traits: Traits;
  readonly incoming: Incoming;
}
