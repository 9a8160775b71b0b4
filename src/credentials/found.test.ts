import { describe, expect, test } from 'vitest';
import type { Credential } from './credential.ts';
import { CredentialError } from './credential-error.ts';
import type { CredentialEvent } from './event.ts';
import { usable } from './found.ts';

const ADA: Credential = { kind: 'basic', username: 'ada', password: 'pw' };
const BOB: Credential = { kind: 'basic', username: 'bob', password: 'pw' };
const FAULT = new CredentialError('one', 'broken');
const OTHER_FAULT = new CredentialError('other', 'broken');

describe('usable()', () => {
  test('keeps the order and each credential once, at its first place', () => {
    expect(usable([ADA, BOB, { ...ADA }, BOB])).toEqual([ADA, BOB]);
  });

  test.each<[string, Credential, Credential]>([
    ['password', ADA, { ...ADA, password: 'other' }],
    ['user name', ADA, BOB],
    ['kind', { kind: 'identity-token', token: 't' }, { kind: 'registry-token', token: 't' }],
    [
      'user name of a token',
      { kind: 'identity-token', token: 't' },
      { kind: 'identity-token', token: 't', username: 'u' },
    ],
    // Put together without separators these would be the same.
    [
      'border between user name and password',
      { ...ADA, username: 'a', password: 'bc' },
      { ...ADA, username: 'ab', password: 'c' },
    ],
  ])('keeps two that differ in the %s', (_what, one, other) => {
    expect(usable([one, other])).toEqual([one, other]);
  });

  test('nothing found is anonymous', () => {
    expect(usable([])).toEqual([]);
  });

  test('throws the first fault where there is nothing else', () => {
    expect(() => usable([FAULT, OTHER_FAULT])).toThrow(FAULT);
  });

  test('tells of faults that a credential makes up for, and of those alone', () => {
    const events: CredentialEvent[] = [];
    function observe(event: CredentialEvent): void {
      events.push(event);
    }
    expect(usable([FAULT, ADA, OTHER_FAULT], observe)).toEqual([ADA]);
    expect(events).toEqual([
      { type: 'passed-over', error: FAULT },
      { type: 'passed-over', error: OTHER_FAULT },
    ]);
    expect(() => usable([FAULT], observe)).toThrow(FAULT);
    expect(events).toHaveLength(2);
  });
});
