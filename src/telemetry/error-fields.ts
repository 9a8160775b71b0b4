import { inspect } from 'node:util';
import { hideSecrets } from './secret.ts';

/** What a log line says of an error. */
export interface ErrorFields {
  /** The error's stable `code`, where it has one. */
  readonly code?: string;
  /** Its message followed by those of its causes. */
  readonly message: string;
  /** Only of what is a defect of ours: its place is what matters. */
  readonly stack?: string;
}

/** Longer chains than this are loops in practice. */
const DEEPEST_CAUSE = 8;

/**
 * Picks what may be logged out of anything thrown. Other properties are left out on purpose: libraries hang whole
 * requests with their headers on errors.
 */
export function describeError(error: unknown): ErrorFields {
  const code = codeOf(error);
  const message = hideSecrets(messagesOf(error).join(': '));
  const known = code === undefined ? { message } : { code, message };
  const stack = error instanceof Error && isDefect(error, code) ? error.stack : undefined;
  return stack === undefined ? known : { ...known, stack: hideSecrets(stack) };
}

/** Errors that are expected have a code; Node gives one to wrong calls as well. */
function isDefect(error: Error, code: string | undefined): boolean {
  return code === undefined || error instanceof TypeError || error instanceof RangeError;
}

function codeOf(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined;
}

/** A cause often repeats what the error around it said already; it is then told once. */
function messagesOf(error: unknown): string[] {
  const messages: string[] = [];
  let current = error;
  for (let depth = 0; depth < DEEPEST_CAUSE && current !== undefined; depth += 1) {
    const text = textOf(current);
    if (text !== '' && !messages.some((said) => said.includes(text))) messages.push(text);
    current = current instanceof Error ? current.cause : undefined;
  }
  return messages.length === 0 ? ['unknown error'] : messages;
}

function textOf(error: unknown): string {
  if (error instanceof AggregateError && error.message === '')
    return error.errors.map((inner) => textOf(inner)).join(', ');
  if (error instanceof Error) return error.message === '' ? error.name : error.message;
  return typeof error === 'string' ? error : inspect(error, { depth: 1, breakLength: Infinity });
}
