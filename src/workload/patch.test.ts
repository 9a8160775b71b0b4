import * as fc from 'fast-check';
import jsonPatch from 'fast-json-patch';
import { describe, expect, it } from 'vitest';
import { RECORDED, recorded } from '../../test/recorded.ts';
import { containers, cronJob, deployment, pod } from '../../test/workloads.ts';
import { findImages } from './images.ts';
import { ORIGINAL_IMAGES } from './original-images.ts';
import { buildPatch, type PatchResult } from './patch.ts';
import type { PatchOperation, Replacement } from './patch-operation.ts';
import { pointerTo } from './pointer.ts';

/** Copies in these tests are called like their source, with `copy/` before it. */
function isCopyOf(source: string, image: string): boolean {
  return image === `copy/${source}`;
}

function copyOf(image: string): string {
  return `copy/${image}`;
}

/** Gives every image of an object its copy, or those whose names are listed. */
function replaceAll(object: unknown, ...names: readonly string[]): readonly Replacement[] {
  return findImages(object)
    .filter((use) => names.length === 0 || names.includes(use.name))
    .map((use) => ({ use, image: copyOf(use.image) }));
}

function build(object: unknown, replacements: readonly Replacement[] = replaceAll(object)): PatchResult {
  return buildPatch(frozen(object), replacements, isCopyOf);
}

function operationsOf(result: PatchResult): readonly PatchOperation[] {
  if (!result.ok) throw result.fault;
  return result.operations;
}

/** An object that throws when it is changed anywhere. */
function frozen<T>(value: T): T {
  if (typeof value === 'object' && value !== null) {
    for (const member of Object.values(value)) frozen(member);
    Object.freeze(value);
  }
  return value;
}

describe('buildPatch', () => {
  it('replaces each image at its place and adds the annotations where there are none', () => {
    expect(build(deployment(containers('a:1', 'b:1')))).toEqual({
      ok: true,
      operations: [
        { op: 'replace', path: '/spec/template/spec/containers/0/image', value: 'copy/a:1' },
        { op: 'replace', path: '/spec/template/spec/containers/1/image', value: 'copy/b:1' },
        {
          op: 'add',
          path: '/metadata/annotations',
          value: { [ORIGINAL_IMAGES]: '{"c0":"a:1","c1":"b:1"}' },
        },
      ],
    });
  });

  it('adds one annotation to those that are there', () => {
    const object = deployment(containers('a:1'), { annotations: { other: 'stays' } });
    expect(operationsOf(build(object)).at(-1)).toEqual({
      op: 'add',
      path: '/metadata/annotations/image-cloner.dev~1original-images',
      value: '{"c0":"a:1"}',
    });
  });

  it('writes over an annotation of ours that is no longer true', () => {
    const object = deployment(containers('a:2'), { annotations: { [ORIGINAL_IMAGES]: '{"c0":"a:1"}' } });
    expect(operationsOf(build(object)).at(-1)).toMatchObject({ op: 'add', value: '{"c0":"a:2"}' });
  });

  it('does not touch an annotation of ours that is true already', () => {
    const object = deployment(containers('a:1'), { annotations: { [ORIGINAL_IMAGES]: '{"c0":"a:1"}' } });
    expect(operationsOf(build(object))).toEqual([
      { op: 'replace', path: '/spec/template/spec/containers/0/image', value: 'copy/a:1' },
    ]);
  });

  it('leads to the object that is stored already when the same manifest is applied again', () => {
    const first = applied(deployment(containers('a:1', 'b:1')));
    const again = structuredClone(first);
    for (const use of findImages(again)) {
      jsonPatch.applyOperation(again, {
        op: 'replace',
        path: use.pointer,
        value: use.image.slice('copy/'.length),
      });
    }
    expect(applied(again)).toEqual(first);
  });

  it('writes the images without annotation where no more annotations fit', () => {
    const object = deployment(containers('a:1'), { annotations: { filler: 'x'.repeat(256 * 1024 - 10) } });
    expect(operationsOf(build(object))).toEqual([
      { op: 'replace', path: '/spec/template/spec/containers/0/image', value: 'copy/a:1' },
    ]);
  });

  it('handles every kind of place in one object', () => {
    const spec = {
      ...containers('a:1'),
      initContainers: [{ name: 'i', image: 'i:1' }],
      ephemeralContainers: [{ name: 'e', image: 'e:1' }],
      volumes: [{ name: 'v', image: { reference: 'v:1' } }],
    };
    expect(findImages(applied(pod(spec))).map((use) => use.image)).toEqual(
      ['a:1', 'i:1', 'e:1', 'v:1'].map(copyOf),
    );
  });

  it('changes the chosen images only', () => {
    const object = cronJob(containers('a:1', 'b:1', 'c:1'));
    const operations = operationsOf(build(object, replaceAll(object, 'c1')));
    expect(operations.map(({ op, path }) => `${op} ${path}`)).toEqual([
      'replace /spec/jobTemplate/spec/template/spec/containers/1/image',
      'add /metadata/annotations',
    ]);
  });

  it.each([
    ['nothing is to be replaced', []],
    ['the new image is the old one', [{ use: findImages(pod(containers('a:1')))[0], image: 'a:1' }]],
  ])('is empty when %s', (_when, replacements) => {
    const known = replacements.flatMap(({ use, image }) => (use === undefined ? [] : [{ use, image }]));
    expect(build(pod(containers('a:1')), known)).toEqual({ ok: true, operations: [] });
  });

  it.each<[string, unknown]>([
    ['has no metadata', { apiVersion: 'v1', kind: 'Pod', spec: containers('a:1') }],
    ['has null as metadata', { apiVersion: 'v1', kind: 'Pod', metadata: null, spec: containers('a:1') }],
    ['has a text as metadata', { apiVersion: 'v1', kind: 'Pod', metadata: 'x', spec: containers('a:1') }],
  ])('is a fault when the object %s', (_what, object) => {
    expect(build(object)).toMatchObject({ ok: false, fault: { code: 'UNSAFE_PATCH' } });
  });

  it.each([undefined, null, 'Pod', 5, [[]]])('is a fault when the object is %j', (object) => {
    const replacements = replaceAll(pod(containers('a:1')));
    expect(buildPatch(object, replacements, isCopyOf)).toMatchObject({
      ok: false,
      fault: { message: 'Cannot patch the object: wanted a JSON object' },
    });
  });

  it.each([
    ['empty', ''],
    ['with a space before it', ' copy/a:1'],
    ['with a line break', 'copy/a:1\n'],
    ['in upper case', 'copy/A:1'],
    ['a URL', 'https://registry.example.com/a:1'],
    ['without a name', ':1'],
  ])('is a fault when a new image is %s', (_what, image) => {
    const object = pod(containers('a:1', 'b:1'));
    const [first, second] = findImages(object);
    if (first === undefined || second === undefined) throw new Error('Wanted two images');
    const good = { use: first, image: 'copy/a:1' };
    expect(build(object, [good, { use: second, image }])).toMatchObject({ ok: false });
  });

  it.each([
    '__proto__',
    'constructor',
    'a/b',
    'a~b',
    '../..',
    '-',
    '0',
    '',
    ' ',
    '\u0000',
    '"}',
    'ü'.repeat(300),
  ])('is safe with a container called %j', (name) => {
    const object = deployment({ containers: [{ name, image: 'a:1' }] });
    expect(findImages(applied(object))).toMatchObject([{ name, image: 'copy/a:1' }]);
    expect(Object.hasOwn(Object.prototype, 'polluted')).toBe(false);
  });

  it.each(['__proto__', 'constructor', 'prototype', 'toString'])('is safe with a member called %s', (key) => {
    const text = JSON.stringify(pod(containers('a:1'), { labels: {} })).replace(
      '"labels":{}',
      `"labels":{"${key}":"x"}`,
    );
    const object: unknown = JSON.parse(text);
    expect(JSON.stringify(applied(object))).toContain(`"labels":{"${key}":"x"}`);
  });

  it('says of a fault where it is, and nothing of what stands there', () => {
    const object = pod(containers('a:1'), { annotations: { secret: 'hunter2' } });
    const result = build(object, [
      {
        use: { pointer: '/metadata/annotations/secret', name: 'x', role: 'container', image: 'hunter2' },
        image: 'b',
      },
    ]);
    expect(result).toMatchObject({ ok: false, fault: { message: expect.not.stringContaining('hunter2') } });
  });

  it.each(RECORDED)('applies to the recorded %s', (name) => {
    const object = recorded(name).request['object'];
    const result = build(object);
    expect(result.ok).toBe(true);
    const operations = operationsOf(result);
    const after: unknown = jsonPatch.applyPatch(structuredClone(object), operations, true).newDocument;
    expect(findImages(after).map((use) => use.image)).toEqual(
      findImages(object).map((use) => copyOf(use.image)),
    );
  });

  it('changes exactly the chosen images and one annotation, whatever else is in the object', () => {
    const image = fc.stringMatching(/^[a-z]{1,6}:[0-9]$/);
    const list = fc.array(fc.record({ name: fc.string(), image, env: fc.jsonValue() }), { maxLength: 4 });
    const annotations = fc.option(fc.dictionary(fc.string(), fc.string()), { nil: undefined });
    const spec = fc.record({ containers: list, initContainers: list, other: fc.jsonValue() });
    fc.assert(
      fc.property(spec, annotations, fc.func(fc.boolean()), (value, before, isChosen) => {
        const object: unknown = JSON.parse(JSON.stringify(deployment(value, { annotations: before })));
        const replacements = replaceAll(object).filter(({ use }) => isChosen(use.pointer));
        const after = applied(object, replacements);
        const chosen = new Set(replacements.map(({ use }) => use.pointer));
        expect(findImages(after)).toEqual(
          findImages(object).map((use) =>
            chosen.has(use.pointer) ? { ...use, image: copyOf(use.image) } : use,
          ),
        );
        const annotation = pointerTo([
          'metadata',
          'annotations',
          ...(before === undefined ? [] : [ORIGINAL_IMAGES]),
        ]);
        const changed = jsonPatch.compare(Object(object), after).map(({ path }) => path);
        expect(new Set(changed)).toEqual(new Set(chosen.size === 0 ? [] : [...chosen, annotation]));
      }),
    );
  });
});

function applied(object: unknown, replacements = replaceAll(object)): object {
  const operations = operationsOf(build(object, replacements));
  return jsonPatch.applyPatch(Object(structuredClone(object)), operations, true).newDocument;
}
