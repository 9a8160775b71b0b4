import type { CredentialError } from './credential-error.ts';

/** What an operator should hear of although work goes on: each at most once in five minutes. None carries a credential. */
export type CredentialEvent =
  /** A place cannot be read anew, half written perhaps: what it held before is used until it can. */
  | { readonly type: 'kept'; readonly error: CredentialError }
  /** A broken place was passed over, because another one has a credential for the repository. */
  | { readonly type: 'passed-over'; readonly error: CredentialError };

export type ObserveCredentials = (event: CredentialEvent) => void;
