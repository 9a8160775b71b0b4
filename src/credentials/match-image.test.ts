import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { formatMatchImage, matchesImage, parseMatchImage } from './match-image.ts';

function matches(pattern: string, image: string): boolean {
  const parsed = parseMatchImage(pattern);
  const slash = image.indexOf('/');
  return (
    parsed !== undefined &&
    matchesImage(parsed, { host: image.slice(0, slash), path: image.slice(slash + 1) })
  );
}

describe('matchesImage() agrees with Kubernetes', () => {
  test.each([
    ['reg.io', 'reg.io/app'],
    ['*.reg.io', 'eu.reg.io/app'],
    ['reg.*', 'reg.io/app'],
    ['eu.*.io', 'eu.reg.io/app'],
    ['*.*.io', 'eu.reg.io/app'],
    ['eu-*.reg.io', 'eu-west.reg.io/app'],
    ['*-west.reg.io', 'eu-west.reg.io/app'],
    ['*.dkr.ecr.*.amazonaws.com', '123456789.dkr.ecr.us-east-1.amazonaws.com/app'],
    ['reg.io/team', 'reg.io/team/app'],
    ['reg.io/team/app', 'reg.io/team/app'],
    ['reg.io/', 'reg.io/team/app'],
    ['reg.io:5000', 'reg.io:5000/app'],
    ['*.reg.io:5000/team', 'eu.reg.io:5000/team/app'],
    ['localhost', 'localhost/app'],
    ['REG.io', 'reg.io/app'],
    ['reg.io:', 'reg.io/app'],
    ['user:password@reg.io', 'reg.io/app'],
    ['a@b@reg.io', 'reg.io/app'],
    ['reg.io?query', 'reg.io/app'],
    ['reg.io/te%61m', 'reg.io/team/app'],
    ['[::1]:5000', '[::1]:5000/app'],
    ['[::1]', '[::1]/app'],
    // The prefix is one of characters: kubernetes#102472.
    ['reg.io/team', 'reg.io/team-b/app'],
  ])('%j serves %j', (pattern, image) => {
    expect(matches(pattern, image)).toBe(true);
  });

  test.each([
    ['reg.io', 'evilreg.io/app'],
    ['reg.io', 'eu.reg.io/app'],
    ['reg.io', 'reg.io.evil.com/app'],
    ['*.reg.io', 'reg.io/app'],
    ['*.reg.io', 'a.b.reg.io/app'],
    ['*.io', 'eu.reg.io/app'],
    ['*', 'reg.io/app'],
    ['reg.io/team', 'reg.io/other/app'],
    ['reg.io/team/', 'reg.io/team'],
    ['reg.io/*', 'reg.io/app'],
    ['reg.io/Team', 'reg.io/team/app'],
    ['reg.io', 'reg.io:5000/app'],
    ['reg.io:5000', 'reg.io/app'],
    ['reg.io:5000', 'reg.io:5001/app'],
    ['reg.io:443', 'reg.io/app'],
    ['reg.io:*', 'reg.io:5000/app'],
    ['https://reg.io', 'reg.io/app'],
    ['reg.io@evil.com', 'reg.io/app'],
    ['127.1', '127.0.0.1/app'],
  ])('%j does not serve %j', (pattern, image) => {
    expect(matches(pattern, image)).toBe(false);
  });
});

describe('parseMatchImage()', () => {
  test.each([
    '',
    '/',
    '/team',
    ':5000',
    'reg.io:port',
    'reg .io',
    'reg\n.io',
    'r[e]g.io',
    '[::1',
    'a:b:5000',
    'reg.io/%zz',
    'reg.io/%ff',
    String.raw`reg\.io`,
    'régistre.io',
    '?',
    '#',
    '@',
  ])('finds no pattern in %j', (text) => {
    expect(parseMatchImage(text)).toBeUndefined();
  });

  test('never throws, and what it reads it reads again the same from the plain form', () => {
    const part = fc.constantFrom(
      'reg',
      '.',
      '*',
      ':',
      '5000',
      '/',
      'a',
      '@',
      '?',
      '#',
      '[',
      ']',
      '%',
      '%61',
      ' ',
      'É',
      '\0',
    );
    const text = fc.oneof(
      fc.string(),
      fc.array(part, { maxLength: 12 }).map((parts) => parts.join('')),
    );
    fc.assert(
      fc.property(text, (written) => {
        const pattern = parseMatchImage(written);
        fc.pre(pattern !== undefined && !/[%?#@]/.test(pattern.path));
        expect(parseMatchImage(formatMatchImage(pattern))).toEqual(pattern);
      }),
    );
  });

  test('leaves user information out of the plain form', () => {
    const pattern = parseMatchImage('user:canary@reg.io:5000/team');
    expect(pattern && formatMatchImage(pattern)).toBe('reg.io:5000/team');
  });
});
