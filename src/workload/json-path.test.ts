import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { EVERY, locate, parseJsonPath } from './json-path.ts';

describe('parseJsonPath', () => {
  it.each([
    ['.spec.template.spec', ['spec', 'template', 'spec']],
    ['spec.template.spec', ['spec', 'template', 'spec']],
    ['$.spec.imageName', ['spec', 'imageName']],
    ['{.spec.imageName}', ['spec', 'imageName']],
    ['.spec.steps[*].image', ['spec', 'steps', EVERY, 'image']],
    ['.spec.images.*', ['spec', 'images', EVERY]],
    ['.spec.steps[0].image', ['spec', 'steps', '0', 'image']],
    ["$['spec']['a.b']", ['spec', 'a.b']],
    ['.spec["a b"].image', ['spec', 'a b', 'image']],
    ['.spec.docker-image', ['spec', 'docker-image']],
  ])('reads %s', (text, path) => {
    expect(parseJsonPath(text)).toEqual(path);
  });

  it.each([
    '',
    '$',
    '.',
    '{}',
    '..image',
    '.spec..image',
    '.spec.',
    '.spec[',
    '.spec[]',
    '.spec[-1]',
    '.spec[1:2]',
    '.spec[?(@.name=="a")].image',
    ".spec['']",
    ".spec['a]",
    '.spec image',
    '/spec/image',
    '.spec.template.spec ',
  ])('does not read %j', (text) => {
    expect(parseJsonPath(text)).toBeUndefined();
  });

  it('reads every path of names that it could write', () => {
    const name = fc.stringMatching(/^[A-Za-z][\w-]{0,8}$/);
    fc.assert(
      fc.property(fc.array(name, { minLength: 1 }), (names) => {
        expect(parseJsonPath(`.${names.join('.')}`)).toEqual(names);
        expect(parseJsonPath(names.map((one) => `['${one}']`).join(''))).toEqual(names);
      }),
    );
  });

  it('never throws', () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        expect(() => parseJsonPath(text)).not.toThrow();
      }),
    );
  });
});

describe('locate', () => {
  const object = { spec: { steps: [{ image: 'a' }, { name: 'x' }, { image: 'b' }], images: { c: 'd' } } };

  it.each<[string, readonly (string | typeof EVERY)[], readonly [string, unknown][]]>([
    ['a member', ['spec', 'images', 'c'], [['spec.images.c', 'd']]],
    ['a position', ['spec', 'steps', '2', 'image'], [['spec.steps.2.image', 'b']]],
    [
      'every entry of a list that goes on',
      ['spec', 'steps', EVERY, 'image'],
      [
        ['spec.steps.0.image', 'a'],
        ['spec.steps.2.image', 'b'],
      ],
    ],
    ['every member of a map', ['spec', 'images', EVERY], [['spec.images.c', 'd']]],
    ['nothing behind a text', ['spec', 'images', 'c', '0'], []],
    ['nothing where a member is missing', ['status', 'image'], []],
    ['nothing of what all objects have', ['constructor', 'name'], []],
    ['nothing of what lists have', ['spec', 'steps', 'length'], []],
  ])('finds %s', (_what, path, expected) => {
    expect(locate(object, path).map((found) => [found.path.join('.'), found.value])).toEqual(expected);
  });

  it.each([undefined, null, 'text', 5])('finds nothing in %j', (value) => {
    expect(locate(value, ['spec'])).toEqual([]);
  });
});
