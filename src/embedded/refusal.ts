/** Error codes of the OCI distribution spec, "Error Codes"; `UNKNOWN` is distribution's word for a fault of the server. */
type RefusalCode =
  | 'BLOB_UNKNOWN'
  | 'BLOB_UPLOAD_INVALID'
  | 'BLOB_UPLOAD_UNKNOWN'
  | 'DIGEST_INVALID'
  | 'MANIFEST_BLOB_UNKNOWN'
  | 'MANIFEST_INVALID'
  | 'MANIFEST_UNKNOWN'
  | 'NAME_INVALID'
  | 'NAME_UNKNOWN'
  | 'SIZE_INVALID'
  | 'TAG_INVALID'
  | 'UNAUTHORIZED'
  | 'UNSUPPORTED'
  | 'UNKNOWN';

interface RefusalDetails {
  readonly status: number;
  readonly code: RefusalCode;
  readonly message: string;
  /** One error is answered for each. Default: one without detail. */
  readonly details?: readonly unknown[];
  readonly headers?: Readonly<Record<string, string>>;
  readonly cause?: unknown;
}

/** A request that is answered with an error. */
export class Refusal extends Error {
  override readonly name = 'Refusal';
  readonly status: number;
  readonly code: RefusalCode;
  readonly headers: Readonly<Record<string, string>>;
  readonly #details: readonly unknown[];

  constructor({ status, code, message, details = [undefined], headers = {}, cause }: RefusalDetails) {
    super(message, cause === undefined ? undefined : { cause });
    this.status = status;
    this.code = code;
    this.headers = headers;
    this.#details = details;
  }

  /** The body as the spec wants it. */
  get body(): string {
    const { code, message } = this;
    return JSON.stringify({ errors: this.#details.map((detail) => ({ code, message, detail })) });
  }
}
