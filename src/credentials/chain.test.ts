import { describe, expect, test } from 'vitest';
import { chain } from './chain.ts';
import type { Credential, FindCredentials, Repository } from './credential.ts';
import { CredentialError } from './credential-error.ts';
import type { CredentialEvent } from './event.ts';

const REPOSITORY: Repository = { host: 'reg.io', path: 'team/app' };
const ADA: Credential = { kind: 'basic', username: 'ada', password: 'pw-ada' };
const BOB: Credential = { kind: 'basic', username: 'bob', password: 'pw-bob' };

function having(...credentials: readonly Credential[]): FindCredentials {
  return () => Promise.resolve(credentials);
}

function failing(error: Error): FindCredentials {
  return async () => {
    throw error;
  };
}

describe('chain()', () => {
  test('without sources is anonymous', async () => {
    expect(await chain([])(REPOSITORY)).toEqual([]);
  });

  test('gives the credentials in the order of the sources, each one once', async () => {
    const find = chain([having(), having(BOB, ADA), having(ADA), having(BOB)]);
    expect(await find(REPOSITORY)).toEqual([BOB, ADA]);
  });

  test('keeps that order when a later source answers first', async () => {
    const gate = Promise.withResolvers<readonly Credential[]>();
    const answered = chain([() => gate.promise, having(BOB)])(REPOSITORY);
    gate.resolve([ADA]);
    expect(await answered).toEqual([ADA, BOB]);
  });

  test('asks every source for the same repository', async () => {
    const asked: Repository[] = [];
    async function source(repository: Repository): Promise<readonly Credential[]> {
      asked.push(repository);
      return [];
    }
    await chain([source, source])(REPOSITORY);
    expect(asked).toEqual([REPOSITORY, REPOSITORY]);
  });

  test('never puts a user name and a password of two sources together', async () => {
    const half: Credential = { kind: 'basic', username: 'ada', password: '' };
    const other: Credential = { kind: 'basic', username: '', password: 'pw-bob' };
    expect(await chain([having(half), having(other)])(REPOSITORY)).toEqual([half, other]);
  });

  test('passes over a broken source when another one has a credential, and tells of it once', async () => {
    const fault = new CredentialError('config.json', 'broken');
    const events: CredentialEvent[] = [];
    const find = chain([failing(fault), having(ADA)], (event) => events.push(event));
    expect(await find(REPOSITORY)).toEqual([ADA]);
    expect(await find(REPOSITORY)).toEqual([ADA]);
    expect(events).toEqual([{ type: 'passed-over', error: fault }]);
  });

  test('rejects with the fault of a broken source when no other one has a credential', async () => {
    const fault = new CredentialError('config.json', 'broken');
    await expect(chain([having(), failing(fault)])(REPOSITORY)).rejects.toBe(fault);
  });

  test('can be a source of another chain', async () => {
    const fault = new CredentialError('config.json', 'broken');
    const find = chain([chain([failing(fault)]), chain([having(ADA)])]);
    expect(await find(REPOSITORY)).toEqual([ADA]);
  });

  test('does not take a defect for "no credentials"', async () => {
    const defect = new TypeError('not a function');
    await expect(chain([having(ADA), failing(defect)])(REPOSITORY)).rejects.toBe(defect);
  });
});
