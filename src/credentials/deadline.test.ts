import { describe, expect, test } from 'vitest';
import { chain } from './chain.ts';
import type { Credential, FindCredentials } from './credential.ts';
import { CredentialError } from './credential-error.ts';
import { withDeadline } from './deadline.ts';

const REPOSITORY = { host: 'registry.example.com', path: 'team/app' };
const CREDENTIAL: Credential = { kind: 'basic', username: 'ada', password: 'secret' };
const SOON = { place: '/plugins', milliseconds: 20 };
const LATER = { place: '/plugins', milliseconds: 60_000 };

/** Answers when it is told to. */
function slow(): { readonly find: FindCredentials; readonly answer: () => void } {
  const { promise, resolve } = Promise.withResolvers<readonly Credential[]>();
  return { find: () => promise, answer: () => resolve([CREDENTIAL]) };
}

describe('a source of credentials with a deadline', () => {
  test('answers as it does without', async () => {
    const found = await withDeadline(
      async ({ path }) => (path === 'team/app' ? [CREDENTIAL] : []),
      LATER,
    )(REPOSITORY);
    expect(found).toEqual([CREDENTIAL]);
  });

  test('fails as it does without', async () => {
    const fault = new CredentialError('/plugins', 'broken');
    await expect(withDeadline(() => Promise.reject(fault), LATER)(REPOSITORY)).rejects.toBe(fault);
  });

  test('that takes too long is an error that names it and may be tried again', async () => {
    await expect(withDeadline(slow().find, SOON)(REPOSITORY)).rejects.toMatchObject({
      name: 'CredentialError',
      code: 'CREDENTIAL_BROKEN',
      retriable: true,
      message: 'Cannot get credentials from "/plugins": no answer within 20 ms',
    });
  });

  test('goes on, and may have the answer for the next request', async () => {
    const { find, answer } = slow();
    const source = withDeadline(find, SOON);
    await expect(source(REPOSITORY)).rejects.toThrow(CredentialError);
    answer();
    expect(await source(REPOSITORY)).toEqual([CREDENTIAL]);
  });

  test('that fails after its time concerns nobody', async () => {
    const { promise, reject } = Promise.withResolvers<readonly Credential[]>();
    await expect(withDeadline(() => promise, SOON)(REPOSITORY)).rejects.toThrow('no answer within');
    reject(new CredentialError('/plugins', 'late'));
    await expect(promise).rejects.toThrow('late');
  });

  test('does not hold up the others in a chain', async () => {
    const events: string[] = [];
    const both = chain([withDeadline(slow().find, SOON), async () => [CREDENTIAL]], ({ type }) =>
      events.push(type),
    );
    expect(await both(REPOSITORY)).toEqual([CREDENTIAL]);
    expect(events).toEqual(['passed-over']);
  });
});
