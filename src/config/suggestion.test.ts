import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { suggest } from './suggestion.ts';

const KNOWN = [
  'copy',
  'copy.onPending',
  'copy.onFailure',
  'copy.waitSeconds',
  'listen',
  'log',
  'log.level',
  'tls',
];

describe('what was probably meant', () => {
  test.each([
    ['copy.onPendng', 'copy.onPending'],
    ['copy.onpending', 'copy.onPending'],
    ['copy.on_pending', 'copy.onPending'],
    ['onPending', 'copy.onPending'],
    ['copy.level', 'log.level'],
    ['lissten', 'listen'],
    ['COPY', 'copy'],
    ['tsl', 'tls'],
  ])('%s → %s', (unknown, meant) => {
    expect(suggest(unknown, KNOWN)).toBe(meant);
  });

  test.each(['', 'wombat', 'copy.wombat', 'x'.repeat(1_000_000), '...', '💥'])(
    'nothing near %.20j',
    (unknown) => {
      expect(suggest(unknown, KNOWN)).toBeUndefined();
    },
  );

  test('nothing where nothing is known', () => {
    expect(suggest('copy', [])).toBeUndefined();
  });

  test('one wrong letter never hides a key of some length', () => {
    const key = fc.constantFrom('copy.onPending', 'copy.onFailure', 'copy.waitSeconds', 'log.level');
    fc.assert(
      fc.property(key, fc.nat(), (name, seed) => {
        const at = seed % name.length;
        expect(suggest(`${name.slice(0, at)}#${name.slice(at + 1)}`, KNOWN)).toBe(name);
      }),
    );
  });
});
