import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { references } from '../../test/arbitraries/reference.ts';
import { parseReference } from '../image/reference.ts';
import * as message from './message.ts';

const SOURCE = parseReference('nginx:1.25');
const BACKUP = parseReference('registry.example.com/backup/docker.io/library/nginx:1.25');

function failure(fields: Record<string, unknown>, text = 'GET https://10.0.0.1/token?secret=hunter2'): Error {
  return Object.assign(new Error(text), fields);
}

describe('what users read', () => {
  it.each([
    [
      message.swapped(SOURCE, BACKUP),
      '"nginx:1.25" is now "registry.example.com/backup/docker.io/library/nginx:1.25"',
    ],
    [message.stillCopying(SOURCE), '"nginx:1.25" is still being copied and stays as it is for now'],
    [
      message.notYetThere(SOURCE, BACKUP),
      'still being copied, pulls may fail: "nginx:1.25" is now "registry.example.com/backup/docker.io/library/nginx:1.25"',
    ],
    [
      message.wouldBeCopied(SOURCE, BACKUP),
      '"nginx:1.25" would be copied to "registry.example.com/backup/docker.io/library/nginx:1.25"',
    ],
    [message.unreadable('Nginx'), 'not an image reference, left as it is: "Nginx"'],
    [message.sourceNotAllowed('nginx:1'), 'not copied, its registry is no allowed source: "nginx:1"'],
    [
      message.deniedWhileCopying(SOURCE),
      '"nginx:1.25" is still being copied to the backup registry, try again in a moment',
    ],
  ])('%s', (text, expected) => {
    expect(text).toBe(expected);
  });

  it.each([
    [{ code: 'UNAUTHORIZED', side: 'target' }, 'unauthorized (backup registry)'],
    [{ code: 'NOT_FOUND', side: 'source' }, 'not found (source registry)'],
    [{ code: 'RATE_LIMITED' }, 'rate limited'],
    [{ code: 'UNREACHABLE', side: 'elsewhere' }, 'unreachable'],
    [{}, 'unknown'],
    [{ code: 5 }, 'unknown'],
    [{ code: '' }, 'unknown'],
    [{ code: 'https://10.0.0.1/token?secret=hunter2', side: 'source' }, 'unknown (source registry)'],
  ])('tells of %j only: %s', (fields, reason) => {
    expect(message.notCopied(SOURCE, failure(fields))).toBe(
      `"nginx:1.25" was not copied and stays as it is: ${reason}`,
    );
    expect(message.deniedUncopied(SOURCE, failure(fields))).toBe(
      `"nginx:1.25" could not be copied to the backup registry: ${reason}`,
    );
  });
});

describe('boundedWarnings', () => {
  it('signs each warning and says each only once', () => {
    expect(message.boundedWarnings(['a', 'b', 'a'])).toEqual(['image-cloner: a', 'image-cloner: b']);
  });

  it('keeps ten warnings, and of more than that nine and how many are left', () => {
    const texts = Array.from({ length: 11 }, (_, index) => `w${index}`);
    expect(message.boundedWarnings(texts.slice(0, 10))).toHaveLength(10);
    const bounded = message.boundedWarnings(texts);
    expect(bounded).toHaveLength(10);
    expect(bounded.slice(-2)).toEqual(['image-cloner: w8', 'image-cloner: and 2 more']);
  });

  it('cuts what is too long and says so', () => {
    const fits = 'x'.repeat(120 - 'image-cloner: '.length);
    expect(message.boundedWarnings([fits])).toEqual([`image-cloner: ${fits}`]);
    expect(message.boundedWarnings([`${fits}y`])).toEqual([`image-cloner: ${fits.slice(0, -1)}…`]);
  });

  it.each([
    ['a line break', 'a\nb'],
    ['a carriage return', 'a\rb'],
    ['an escape', 'a\u001bb'],
    ['a zero', 'a\u0000b'],
    ['a delete', 'a\u007fb'],
    ['a C1 control', 'a\u0085b'],
    ['half a character', 'a\ud800b'],
    ['a change of direction', 'a\u202eb'],
    ['a zero-width space', 'a\u200bb'],
    ['a line separator', 'a\u2028b'],
  ])('shows a question mark for %s', (_what, text) => {
    expect(message.boundedWarnings([text])).toEqual(['image-cloner: a?b']);
  });

  it('keeps other letters as they are', () => {
    expect(message.boundedWarnings(['Grüße 日本 🚢'])).toEqual(['image-cloner: Grüße 日本 🚢']);
  });

  it('does not cut a character in two', () => {
    const [warning] = message.boundedWarnings([`${'x'.repeat(118 - 'image-cloner: '.length)}🚢🚢`]);
    expect(warning?.isWellFormed()).toBe(true);
    expect(warning?.length).toBeLessThanOrEqual(120);
  });

  it('is printable, short and little, whatever it is told', () => {
    const text = fc.oneof(
      fc.string({ maxLength: 300 }),
      fc.string({ unit: fc.constantFrom(...'a"\\\n\u0000\u202e\ud83d\udea2'.split('')), maxLength: 300 }),
      fc.tuple(references, references).map(([source, backup]) => message.swapped(source, backup)),
    );
    fc.assert(
      fc.property(fc.array(text, { maxLength: 30 }), (texts) => {
        const warnings = message.boundedWarnings(texts);
        expect(warnings.length).toBeLessThanOrEqual(10);
        for (const warning of warnings) {
          expect(warning.length).toBeLessThanOrEqual(120);
          expect(warning).not.toMatch(/[\p{Cc}\p{Cf}\p{Cs}\u2028\u2029]/u);
        }
      }),
    );
  });
});

describe('boundedDenial', () => {
  it('joins all reasons, each said once', () => {
    expect(message.boundedDenial(['a', 'b', 'a'])).toBe('a; b');
  });

  it('has an end, whatever the number of reasons', () => {
    const reasons = Array.from({ length: 1000 }, (_, index) =>
      message.deniedWhileCopying({ ...SOURCE, tag: `${index}` }),
    );
    expect(message.boundedDenial(reasons)).toHaveLength(1000);
  });
});
