import type { Audience } from './authorizer.ts';
import type { Exchange } from './transport.ts';

/** A request to a registry, and which answers are welcome. */
export interface Call {
  /** Verb and object, for errors: `push blob sha256:… to host/path`. */
  readonly operation: string;
  readonly audience: Audience;
  readonly method: Exchange['method'];
  /** Path and query below the registry's endpoint, or an address it sent us. */
  readonly target: string | URL;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Exchange['body'];
  /** Status codes that are an answer; every other is an error. */
  readonly expect: readonly number[];
  readonly signal: AbortSignal;
  /** Once it is sent, its answer is waited for even when `signal` aborts. */
  readonly unbroken?: boolean;
}
