import type { FindCredentials, Repository } from './credential.ts';
import { CredentialError } from './credential-error.ts';
import type { ObserveCredentials } from './event.ts';
import { type Found, usable } from './found.ts';
import { sparingly } from './sparing-observer.ts';

/**
 * Several sources as one: all of them are asked at once, and their credentials come in the order of the sources, each
 * one once. Nothing is put together from two sources: a user name never meets another source's password.
 */
export function chain(sources: readonly FindCredentials[], observe?: ObserveCredentials): FindCredentials {
  const tell = sparingly(observe);
  return async (repository) => {
    const answers = await Promise.all(sources.map((source) => ask(source, repository)));
    return usable(answers.flat(), tell);
  };
}

async function ask(source: FindCredentials, repository: Repository): Promise<readonly Found[]> {
  try {
    return await source(repository);
  } catch (error) {
    // Anything else is a defect and must not pass for "no credentials".
    if (error instanceof CredentialError) return [error];
    throw error;
  }
}
