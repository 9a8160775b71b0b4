/** A request that is answered without being looked at. The message is for whoever reads the answer. */
export class Refusal extends Error {
  override readonly name = 'Refusal';
  readonly code: 'BODY_TOO_LARGE' | 'BUSY' | 'METHOD_NOT_ALLOWED' | 'NOT_FOUND';
  /** HTTP status. */
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;

  /** Wrong addresses: whoever looks for open doors sends many. */
  get isNoise(): boolean {
    return this.code === 'NOT_FOUND' || this.code === 'METHOD_NOT_ALLOWED';
  }

  private constructor(
    code: Refusal['code'],
    status: number,
    message: string,
    headers: Record<string, string> = {},
  ) {
    super(message);
    this.code = code;
    this.status = status;
    this.headers = headers;
  }

  static tooLarge(limit: number): Refusal {
    return new Refusal('BODY_TOO_LARGE', 413, `Cannot read a body of more than ${limit} bytes`);
  }

  /**
   * An API server asks again after this while its own timeout lasts; with any other status it gives up (measured:
   * three of these and then an answer, and the user's request succeeds).
   */
  static busy(what: string): Refusal {
    return new Refusal('BUSY', 429, `Cannot take another request now: ${what}`, { 'retry-after': '1' });
  }

  static method(method: string, allowed: readonly string[]): Refusal {
    const allow = allowed.join(', ');
    return new Refusal('METHOD_NOT_ALLOWED', 405, `Cannot answer ${method}, wanted ${allow}`, { allow });
  }

  static path(): Refusal {
    return new Refusal('NOT_FOUND', 404, 'Cannot find anything at this path');
  }
}

/** The client went away before its request was complete: there is nobody left to answer. */
export class DisconnectedError extends Error {
  override readonly name = 'DisconnectedError';
  readonly code = 'DISCONNECTED';
}
