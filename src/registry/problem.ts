import { isRecord } from '../image/descriptor.ts';
import { RegistryError, type RegistryErrorCode } from './registry-error.ts';
import { type Answer, headerOf, readUpTo } from './transport.ts';

/** Error bodies are a few hundred bytes; a registry behind a proxy may answer with a page. */
const LARGEST_PROBLEM = 64 * 1024;
/** As much of the registry's own words as a log line should hold. */
const LONGEST_MESSAGE = 300;

/** Codes of the OCI distribution spec, "Error Codes", which say that a manifest's parts are not there. */
const MISSING_CONTENT: ReadonlySet<string> = new Set([
  'MANIFEST_BLOB_UNKNOWN',
  'BLOB_UNKNOWN',
  'MANIFEST_UNKNOWN',
]);

const BY_STATUS: Readonly<Record<number, RegistryErrorCode>> = {
  401: 'UNAUTHORIZED',
  403: 'DENIED',
  404: 'NOT_FOUND',
  408: 'TIMEOUT',
  413: 'TOO_LARGE',
  429: 'RATE_LIMITED',
  // Said of a method or feature, which will not be there the next time either.
  501: 'REFUSED',
};

/**
 * Makes an error out of an answer that was not what we hoped for, and reads its body to the end.
 * @param method of the request; after a PUT an unknown blob is a part that is missing, not what was asked for
 */
export async function problemOf(answer: Answer, operation: string, method = 'GET'): Promise<RegistryError> {
  const { codes, message } = await readProblem(answer);
  const retryAfter = retryAfterOf(headerOf(answer, 'retry-after'));
  return new RegistryError(
    `registry answered ${answer.status}${message === '' ? '' : ` ${JSON.stringify(message)}`}`,
    {
      code: codeOf(answer.status, codes, method),
      operation,
      status: answer.status,
      ...(retryAfter !== undefined && { retryAfter }),
    },
  );
}

function codeOf(status: number, codes: readonly string[], method: string): RegistryErrorCode {
  // Some registries say "too many requests" in the body only.
  if (codes.includes('TOOMANYREQUESTS')) return 'RATE_LIMITED';
  const known = BY_STATUS[status];
  if (known === undefined || known === 'NOT_FOUND') {
    if (codes.includes('NAME_UNKNOWN')) return 'NOT_FOUND';
    if ((status !== 404 || method === 'PUT') && codes.some((code) => MISSING_CONTENT.has(code)))
      return 'MISSING_CONTENT';
    if (codes.includes('MANIFEST_INVALID')) return 'INVALID_MANIFEST';
  }
  return known ?? codeOfClass(status);
}

function codeOfClass(status: number): RegistryErrorCode {
  if (status >= 500) return 'UNAVAILABLE';
  return status >= 400 ? 'REFUSED' : 'PROTOCOL';
}

async function readProblem(answer: Answer): Promise<{ codes: readonly string[]; message: string }> {
  const body = await readUpTo(answer, LARGEST_PROBLEM).catch(() => undefined);
  const errors = errorsOf(body?.toString('utf8') ?? '');
  const messages = errors.map(({ code, message }) =>
    [code, message].filter((part) => typeof part === 'string').join(': '),
  );
  return {
    codes: errors.map(({ code }) => String(code)),
    message: withoutQueries(messages.join('; ')).slice(0, LONGEST_MESSAGE),
  };
}

/** A signed URL is as good as a password while it lasts, and what we say here is logged. */
function withoutQueries(text: string): string {
  return text.replaceAll(/(https?:\/\/[^\s"?]+)\?[^\s"]*/g, '$1?…');
}

function errorsOf(text: string): readonly Record<string, unknown>[] {
  try {
    const body: unknown = JSON.parse(text);
    const errors: unknown = isRecord(body) ? body['errors'] : undefined;
    return Array.isArray(errors) ? errors.filter(isRecord) : [];
  } catch {
    return [];
  }
}

/** Seconds or an HTTP date (RFC 9110, 10.2.3) → milliseconds from now. */
export function retryAfterOf(value: string | undefined, now = Date.now()): number | undefined {
  if (value === undefined) return undefined;
  if (/^\d+$/.test(value)) return Number(value) * 1000;
  const date = Date.parse(value);
  return Number.isNaN(date) ? undefined : Math.max(0, date - now);
}
