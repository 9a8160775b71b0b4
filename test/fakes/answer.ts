/** What a fake server answers. The length header is set on sending, unless the body is to go out in chunks. */
export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | readonly string[]>>;
  /** Kept for HEAD as well, whose length header it gives; it is not sent there. */
  readonly body: Buffer;
}

export function answer(status: number, headers: Answer['headers'] = {}, body: Buffer | string = ''): Answer {
  return { status, headers, body: Buffer.from(body) };
}

/** An error with the body of the OCI distribution spec, "Error Codes". */
export function refusal(status: number, code: string, headers: Answer['headers'] = {}): Answer {
  const body = JSON.stringify({ errors: [{ code, message: `scripted: ${code}` }] });
  return answer(status, { 'content-type': 'application/json', ...headers }, body);
}

/** 429 as Docker Hub gives it. @param retryAfter seconds, or a date */
export function rateLimited(retryAfter: number | Date): Answer {
  const value = typeof retryAfter === 'number' ? String(retryAfter) : retryAfter.toUTCString();
  return refusal(429, 'TOOMANYREQUESTS', { 'retry-after': value });
}

/** @param location absolute, or relative to the request */
export function redirect(status: 301 | 302 | 303 | 307 | 308, location: string): Answer {
  return answer(status, { location });
}
