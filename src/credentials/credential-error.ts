export interface CredentialErrorOptions extends ErrorOptions {
  /** Default false. */
  readonly retriable?: boolean;
}

/**
 * A place that should hold credentials is broken.
 *
 * Neither message nor cause ever quotes what the place holds: parsers put pieces of their input into their errors, so
 * these errors are never a cause here.
 */
export class CredentialError extends Error {
  override readonly name = 'CredentialError';
  readonly code = 'CREDENTIAL_BROKEN';
  /** The file, folder or program. */
  readonly place: string;
  /** Whether the same call may succeed later with nobody changing anything. */
  readonly retriable: boolean;

  constructor(place: string, why: string, { retriable = false, ...options }: CredentialErrorOptions = {}) {
    super(`Cannot get credentials from ${JSON.stringify(place)}: ${why}`, options);
    this.place = place;
    this.retriable = retriable;
  }
}
