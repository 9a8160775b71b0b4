import type { Digest } from '../image/digest.ts';

export interface CopyErrorDetails {
  /** Verb and object: `copy blob`, `push manifest`. */
  readonly operation: string;
  readonly side: 'source' | 'target';
  readonly digest?: Digest;
  /** What the content is called as long as its digest is not known. */
  readonly name?: string;
  readonly cause: unknown;
}

/** Says which step failed, on which side, for which content; the reason is the cause's, and so is its code. */
export class CopyError extends Error {
  override readonly name = 'CopyError';
  readonly code: string;
  readonly operation: string;
  readonly side: 'source' | 'target';
  readonly digest: Digest | undefined;

  constructor({ operation, side, digest, name, cause }: CopyErrorDetails) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    const content = digest ?? name;
    super(`${side} failed to ${operation}${content === undefined ? '' : ` ${content}`}: ${reason}`, {
      cause,
    });
    this.code = codeOf(cause) ?? 'UNKNOWN';
    this.operation = operation;
    this.side = side;
    this.digest = digest;
  }
}

/** The stable code of an error of any room. The errors of aborted signals have numbers of the DOM in its place. */
export function codeOf(error: unknown): string | undefined {
  if (!(error instanceof Error)) return undefined;
  if (error.name === 'AbortError' || error.name === 'TimeoutError') return 'ABORTED';
  return 'code' in error ? String(error.code) : undefined;
}

export function asError(thrown: unknown): Error {
  return thrown instanceof Error ? thrown : new Error(String(thrown));
}

/** Runs a step and says of its failure where it happened. A failure that says so already passes as it is. */
export async function step<T>(details: Omit<CopyErrorDetails, 'cause'>, run: () => Promise<T>): Promise<T> {
  try {
    return await run();
  } catch (cause) {
    throw cause instanceof CopyError ? cause : new CopyError({ ...details, cause });
  }
}
