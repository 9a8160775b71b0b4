import type { Reference } from '../image/reference.ts';
import type { Source } from './target.ts';

/**
 * Who asks for a copy, where some sources are not for everybody. What one tenant has, may read or was refused is never
 * another's.
 */
export interface Tenant {
  readonly name: string;
  /** Tells apart those of one tenant who come with other credentials. */
  readonly key: string;
  /** What the copy is called that this tenant alone may use. Without one its copies are for everybody. */
  readonly backup?: Reference;
  /**
   * The source, read with each of the tenant's credentials that are for it, in the order to try; never none.
   * Rejects with an error that has a `code`: `NO_CREDENTIALS` where the tenant has none.
   */
  readonly sources: () => Promise<readonly TenantSource[]>;
}

export interface TenantSource {
  /** The same for the same credential; no secret can be read from it. */
  readonly identity: string;
  readonly source: Source;
}
