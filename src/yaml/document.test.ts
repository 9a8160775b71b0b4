import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatDocument, readDocument } from './document.ts';
import { YamlError } from './yaml-error.ts';

function faultOf(text: string): YamlError {
  try {
    readDocument(text, 'kubectl');
  } catch (error) {
    if (error instanceof YamlError) return error;
    throw error;
  }
  throw new Error(`Cannot test: wanted a fault in ${JSON.stringify(text)}`);
}

describe('readDocument', () => {
  it.each<[string, unknown, unknown]>([
    ['yes', 'yes', true],
    ['Off', 'Off', false],
    ['n', 'n', false],
    ['true', true, true],
    ['~', null, null],
    ['', null, null],
    ['1:20', '1:20', '1:20'],
    ['2001-01-01', '2001-01-01', '2001-01-01'],
    ['0o17', 15, 15],
    ['0x1F', 31, 31],
    ['1e3', 1000, 1000],
    ['1.30', 1.3, 1.3],
    ["'no'", 'no', 'no'],
    ['!!str 1', '1', '1'],
    ['"\\u00e4"', 'ä', 'ä'],
  ])('reads a value of %j as %j by YAML 1.2, as %j by kubectl', (text, ours, theirs) => {
    expect(readDocument(`a: ${text}`, 'yaml-1.2')).toEqual({ a: ours });
    expect(readDocument(`a: ${text}`, 'kubectl')).toEqual({ a: theirs });
  });

  it('merges mappings and takes bytes for text as kubectl does, and not in files of ours', () => {
    const text = 'a: &a {b: 1, c: 2}\nd: {<<: *a, c: 3}';
    expect(readDocument(text, 'kubectl')).toMatchObject({ d: { b: 1, c: 3 } });
    expect(readDocument(text, 'yaml-1.2')).toMatchObject({ d: { '<<': { b: 1, c: 2 }, c: 3 } });
    expect(readDocument('a: !!binary aGk=', 'kubectl')).toEqual({ a: 'hi' });
    expect(() => readDocument('a: !!binary aGk=', 'yaml-1.2')).toThrow(YamlError);
  });

  it.each(['', '# nothing', '---\n', '---\n...\n', 'null', '~'])('finds nothing in %j', (text) => {
    expect(readDocument(text, 'kubectl')).toBe(null);
  });

  it('keeps keys of prototypes to themselves', () => {
    const value: unknown = readDocument('__proto__: {polluted: true}', 'kubectl');
    expect(Object.hasOwn(Object(value), '__proto__')).toBe(true);
    expect(Object.hasOwn(Object.prototype, 'polluted')).toBe(false);
  });

  it.each<[string, number | undefined, RegExp]>([
    ['a: 1\nb: 2\na: 3', 3, /duplicated mapping key/],
    ['a: 1\nb: *x', 2, /unidentified alias/],
    ['a: !foo 1', 1, /unknown scalar tag/],
    ['? [a]\n: 1', 1, /complex keys/],
    ['a: 1\n---\nb: 2', undefined, /wanted one document, got several/],
    ['a: [', 1, /unexpected end/],
    ['['.repeat(50_000), 1, /./],
    ['{a: '.repeat(50_000), 1, /./],
    ['- '.repeat(50_000), 1, /./],
  ])('refuses %.20j', (text, line, why) => {
    const fault = faultOf(text);
    expect(fault.line).toBe(line);
    expect(fault.message).toMatch(why);
    expect(fault.message.split('\n')).toHaveLength(1);
  });

  it('follows aliases, as often as one likes', () => {
    const text = `a: &a {b: 1}\nc: [${'*a, '.repeat(5000)}]`;
    expect(readDocument(text, 'kubectl')).toMatchObject({ c: { length: 5000 } });
  });

  it.each([
    ['multiply', `x0: &x0 [a]\n${rows(9)}`],
    ['lead into themselves', 'a: &a [*a]'],
    ['lead into what holds them', 'a: &a {b: {c: [*a]}}'],
  ])('refuses aliases that %s', (_what, text) => {
    expect(faultOf(text).message).toBe('aliases unfold to more than 1000000 values');
  });

  it('lets an alias stand for what is there twice but does not multiply', () => {
    expect(readDocument(`x0: &x0 [a]\n${rows(3)}`, 'kubectl')).toMatchObject({ x0: ['a'] });
  });
});

/** Each row has nine times what the one before has. */
function rows(count: number): string {
  const all = Array.from(
    { length: count },
    (_, row) => `x${row + 1}: &x${row + 1} [${`*x${row}, `.repeat(9)}]`,
  );
  return all.join('\n');
}

describe('formatDocument', () => {
  const text = fc.string().filter((one) => !/[\uD800-\uDFFF]/.test(one));
  const key = text.filter((one) => one !== '__proto__');
  const leaf = fc.oneof(
    text,
    fc.integer(),
    fc.boolean(),
    fc.constant(null),
    fc.constantFrom('yes', 'No', '1:20', '0o7', '~', '<<', '=', '1_000', '2001-01-01'),
  );
  const value = fc.letrec((tie) => ({
    node: fc.oneof(leaf, fc.array(tie('node')), fc.dictionary(key, tie('node'))),
  })).node;

  it('writes what both dialects read back', () => {
    fc.assert(
      fc.property(fc.dictionary(key, value), (written) => {
        const plain: unknown = JSON.parse(JSON.stringify(written));
        expect(readDocument(formatDocument(written), 'yaml-1.2')).toEqual(plain);
        expect(readDocument(formatDocument(written), 'kubectl')).toEqual(plain);
      }),
    );
  });

  it('writes a value that is there twice out twice', () => {
    const shared = { images: ['docker.io/**'] };
    expect(formatDocument({ a: shared, b: shared })).not.toMatch(/[&*]ref/);
  });
});
