import { readFile, stat } from 'node:fs/promises';
import { isRecord } from '../image/descriptor.ts';
import { CredentialError } from './credential-error.ts';

/** A Secret holds no more (Kubernetes, `MaxSecretSize`), so no mounted file does; it bounds what a mistake costs. */
export const LARGEST_FILE = 1024 * 1024;

/**
 * Reads a small text file.
 * @returns undefined when it does not exist
 * @throws CredentialError
 */
export async function readTextFile(path: string): Promise<string | undefined> {
  const bytes = await readBytes(path).catch((cause: unknown) => {
    if (isMissing(cause)) return undefined;
    if (cause instanceof CredentialError) throw cause;
    throw new CredentialError(path, 'cannot read the file', { cause, retriable: true });
  });
  return bytes === undefined ? undefined : decode(path, bytes);
}

/** Nothing is there, nor was before. */
export function isMissing(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ENOENT';
}

async function readBytes(path: string): Promise<Uint8Array> {
  // Asked before opening: to open a pipe waits for somebody who writes into it.
  const state = await stat(path);
  if (!state.isFile()) throw new CredentialError(path, 'wanted a file');
  if (state.size > LARGEST_FILE)
    throw new CredentialError(path, `wanted at most ${LARGEST_FILE} bytes, got ${state.size}`);
  return readFile(path);
}

function decode(path: string, bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (cause) {
    throw new CredentialError(path, 'wanted text in UTF-8', { cause });
  }
}

/**
 * Reads text that holds one JSON object.
 * @param place whose text it is
 * @throws CredentialError without a cause: the parser's message quotes the text
 */
export function parseJsonObject(text: string, place: string): Record<string, unknown> {
  const value = parse(text);
  if (!isRecord(value)) throw new CredentialError(place, 'wanted a JSON object');
  return value;
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
