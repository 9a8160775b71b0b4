import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parseChallenges } from './challenge.ts';

function read(header: string | readonly string[] | undefined): unknown[] {
  return parseChallenges(header).map(({ scheme, parameters }) => [scheme, Object.fromEntries(parameters)]);
}

describe('one challenge', () => {
  test.each<[string, string, Record<string, string>]>([
    ['Basic', 'basic', {}],
    ['basic realm="x"', 'basic', { realm: 'x' }],
    ['BEARER realm="https://a/t",service="a"', 'bearer', { realm: 'https://a/t', service: 'a' }],
    [
      'Bearer realm="https://a/t", scope="repository:a:pull,push"',
      'bearer',
      {
        realm: 'https://a/t',
        scope: 'repository:a:pull,push',
      },
    ],
    ['Bearer Realm = "x" ,  SERVICE="y"', 'bearer', { realm: 'x', service: 'y' }],
    ['Bearer realm=https://a/t,service=a', 'bearer', { realm: 'https://a/t', service: 'a' }],
    [String.raw`Bearer realm="a \"quoted\" \\ word"`, 'bearer', { realm: String.raw`a "quoted" \ word` }],
    ['Bearer realm="a, Basic realm=b"', 'bearer', { realm: 'a, Basic realm=b' }],
    ['Bearer realm=""', 'bearer', { realm: '' }],
    ['Bearer realm="first",realm="second"', 'bearer', { realm: 'second' }],
    [', Bearer realm="x",,', 'bearer', { realm: 'x' }],
  ])('%s', (header, scheme, parameters) => {
    expect(read(header)).toEqual([[scheme, parameters]]);
  });
});

describe('several challenges', () => {
  const both = [
    ['bearer', { realm: 'https://a/t' }],
    ['basic', { realm: 'a' }],
  ];

  test.each<[string, string | readonly string[]]>([
    ['in one header', 'Bearer realm="https://a/t", Basic realm="a"'],
    ['in one header without spaces', 'Bearer realm="https://a/t",Basic realm="a"'],
    ['in many headers', ['Bearer realm="https://a/t"', 'Basic realm="a"']],
  ])('%s', (_name, header) => {
    expect(read(header)).toEqual(both);
  });

  test.each([
    'Negotiate, Bearer realm="https://a/t", Basic realm="a"',
    'Negotiate YII=, Bearer realm="https://a/t", Basic realm="a"',
    'Negotiate a/b+c==, Bearer realm="https://a/t", Basic realm="a"',
    'Negotiate, NTLM, Bearer realm="https://a/t", Basic realm="a"',
  ])('a scheme before them that is not ours does not hide them: %s', (header) => {
    expect(read(header).slice(-2)).toEqual(both);
  });

  test('what a scheme carries that is not ours is taken for no scheme', () => {
    expect(read('Negotiate basic, Bearer realm="https://a/t"')).toEqual([
      ['negotiate', {}],
      ['bearer', { realm: 'https://a/t' }],
    ]);
  });

  test('a header that cannot be read does not cost the good one beside it', () => {
    expect(read(['"', 'Basic realm="a"'])).toEqual([['basic', { realm: 'a' }]]);
  });

  test('what was read before the fault counts', () => {
    expect(read('Basic realm="a", "')).toEqual([['basic', { realm: 'a' }]]);
  });
});

describe('no challenge', () => {
  test.each<[string | readonly string[] | undefined]>([
    [undefined],
    [''],
    [[]],
    [','],
    ['"'],
    ['='],
    ['\u0000'],
  ])('%j', (header) => {
    expect(read(header)).toEqual([]);
  });
});

describe('hostile headers', () => {
  test('an unclosed quote ends the value it stands in', () => {
    expect(read('Bearer service="a",realm="https://a/t')).toEqual([['bearer', { service: 'a', realm: '' }]]);
  });

  test.each([
    `Bearer ${'a="b",'.repeat(100_000)}`,
    `Bearer realm="${String.raw`\"`.repeat(100_000)}`,
    'Basic,'.repeat(100_000),
    `Bearer ${' '.repeat(100_000)}`,
  ])('a very long one takes no long time', (header) => {
    expect(read(header).length).toBeLessThan(8192);
  });

  test('nothing throws, whatever is sent', () => {
    const latin1 = fc.integer({ min: 0, max: 255 }).map((code) => String.fromCharCode(code));
    const piece = fc.constantFrom(
      'Bearer',
      'Basic',
      ' ',
      ',',
      '=',
      '"',
      '\\',
      'realm',
      'x',
      '\t',
      '\u0000',
      'é',
    );
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string({ unit: latin1 }),
          fc.array(piece).map((parts) => parts.join('')),
        ),
        (header) => {
          for (const { scheme } of parseChallenges([header, header]))
            expect(scheme).toBe(scheme.toLowerCase());
        },
      ),
    );
  });

  test('what was written as a challenge is read as one', () => {
    const token = fc.stringMatching(/^[a-z][a-z0-9_-]{0,8}$/);
    const value = fc.string({ maxLength: 20 }).map((text) => text.replaceAll(/[^\x20-\x7e]/g, '.'));
    fc.assert(
      fc.property(
        token,
        fc.dictionary(token, value, { minKeys: 1, maxKeys: 4, noNullPrototype: true }),
        (scheme, fields) => {
          const written = Object.entries(fields).map(
            ([name, text]) => `${name}="${text.replaceAll(/["\\]/g, String.raw`\$&`)}"`,
          );
          expect(read(`${scheme} ${written.join(', ')}`)).toEqual([[scheme, fields]]);
        },
      ),
    );
  });
});
