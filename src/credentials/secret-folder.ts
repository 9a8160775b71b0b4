import { realpath } from 'node:fs/promises';
import { join } from 'node:path';
import { CredentialError } from './credential-error.ts';
import { isMissing, readTextFile } from './text-file.ts';

/**
 * The kubelet writes each state of a mounted Secret into a folder of its own and then turns this link to it, so that all
 * keys change at once (Kubernetes, `AtomicWriter`).
 */
const DATA = '..data';
/** A Secret is turned a few times an hour at most; once more is enough, and this only bounds the loop. */
const MOST_TRIES = 3;

/**
 * Reads several keys of a mounted Secret so that they belong together, also while the Secret is being replaced. A plain
 * folder will do, without that promise.
 * @returns the text of each key, in their order; undefined where a key, or the folder, is not there
 * @throws CredentialError
 */
export async function readSecretFolder(
  dir: string,
  keys: readonly string[],
): Promise<readonly (string | undefined)[]> {
  for (let tries = 0; tries < MOST_TRIES; tries += 1) {
    const state = await stateOf(dir);
    const texts = await Promise.all(keys.map((key) => readTextFile(join(state, key))));
    if ((await stateOf(dir)) === state) return texts;
  }
  throw new CredentialError(dir, 'the Secret changed while it was read', { retriable: true });
}

async function stateOf(dir: string): Promise<string> {
  return realpath(join(dir, DATA)).catch((cause: unknown) => {
    if (isMissing(cause)) return dir;
    throw new CredentialError(dir, 'cannot open the folder', { cause, retriable: true });
  });
}
