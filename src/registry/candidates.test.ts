import { afterEach, describe, expect, test, vi } from 'vitest';
import { Candidates } from './candidates.ts';
import type { Credential } from './credential.ts';

const [one, two] = ['one', 'two'].map((username): Credential => ({ kind: 'basic', username, password: 'p' }));
const list = [one, two].filter((credential) => credential !== undefined);

function walk(candidates: Candidates): (Credential | undefined)[] {
  const seen = [candidates.current];
  while (candidates.next()) seen.push(candidates.current);
  return seen;
}

test('several candidates are tried in order; reading ends anonymously', () => {
  expect(walk(new Candidates(list, 'pull'))).toEqual([one, two, undefined]);
});

test.each(['pull,push', 'delete'] as const)('%s ends with the last credential', (actions) => {
  expect(walk(new Candidates(list, actions))).toEqual([one, two]);
});

test('without credentials everything is anonymous', () => {
  expect(walk(new Candidates([], 'pull,push'))).toEqual([undefined]);
  expect(walk(new Candidates([], 'pull'))).toEqual([undefined]);
});

test('the last one stays in use when there is no further one', () => {
  const candidates = new Candidates(list, 'pull,push');
  walk(candidates);
  expect([candidates.next(), candidates.index, candidates.current]).toEqual([false, 1, two]);
});

describe('are good', () => {
  afterEach(() => vi.useRealTimers());

  test('for the same credentials and no others', () => {
    const candidates = new Candidates(list, 'pull');
    expect(
      [list, [...list], [two, one], [one], []].map((other) =>
        candidates.isGoodFor(other.filter((c) => c !== undefined)),
      ),
    ).toEqual([true, true, false, false, false]);
  });

  test('for five minutes: then a refused credential is tried again', () => {
    vi.useFakeTimers({ toFake: ['performance'] });
    const candidates = new Candidates(list, 'pull');
    vi.advanceTimersByTime(5 * 60 * 1000 - 1);
    expect(candidates.isGoodFor(list)).toBe(true);
    vi.advanceTimersByTime(1);
    expect(candidates.isGoodFor(list)).toBe(false);
  });
});

test('the newest scopes come first and the oldest are forgotten', () => {
  const candidates = new Candidates(list, 'pull');
  candidates.widen(['a', 'b']);
  candidates.widen([]);
  candidates.widen(['c', 'd', 'e']);
  expect(candidates.scopes).toEqual(['c', 'd', 'e', 'a']);
});
