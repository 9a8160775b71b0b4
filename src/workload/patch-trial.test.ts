import { describe, expect, it } from 'vitest';
import { containers, pod } from '../../test/workloads.ts';
import { findImages } from './images.ts';
import type { PatchOperation, Replacement } from './patch-operation.ts';
import { tryPatch } from './patch-trial.ts';

const OBJECT = pod(containers('a:1', 'b:1'), { annotations: { other: 'stays' } });
const PLACE = '/spec/containers/0/image';

const replace: PatchOperation = { op: 'replace', path: PLACE, value: 'copy/a:1' };
const annotate: PatchOperation = { op: 'add', path: '/metadata/annotations/x', value: 'y' };

function replacement(image: string, pointer = PLACE): Replacement {
  const [use] = findImages(OBJECT);
  if (use === undefined) throw new Error('Wanted an image');
  return { use: { ...use, pointer }, image };
}

function fault(
  replacements: readonly Replacement[],
  ...operations: readonly PatchOperation[]
): string | undefined {
  return tryPatch(OBJECT, replacements, operations)?.message;
}

describe('tryPatch', () => {
  it('lets a patch pass that does what was wanted, and leaves the object as it is', () => {
    const before = structuredClone(OBJECT);
    expect(fault([replacement('copy/a:1')], replace, annotate)).toBeUndefined();
    expect(OBJECT).toEqual(before);
  });

  it('lets an add pass that writes over what is there', () => {
    const over: PatchOperation = { op: 'add', path: '/metadata/annotations/other', value: 'new' };
    expect(fault([replacement('copy/a:1')], replace, over)).toBeUndefined();
  });

  it.each<[string, PatchOperation]>([
    ['replaces what is not there', { op: 'replace', path: '/spec/containers/7/image', value: 'x' }],
    ['replaces a member that is missing', { op: 'replace', path: '/spec/nodeName', value: 'x' }],
    ['adds into what is missing', { op: 'add', path: '/status/conditions/x', value: 'y' }],
    ['has a path that is no pointer', { op: 'add', path: 'metadata', value: 'y' }],
    ['has an index that is none', { op: 'add', path: '/spec/containers/first', value: 'y' }],
    ['reaches for the prototype', { op: 'add', path: '/__proto__/polluted', value: 'y' }],
    [
      'reaches for the prototype of the constructor',
      { op: 'add', path: '/constructor/prototype/polluted', value: 'y' },
    ],
  ])('refuses a patch that %s, and keeps the cause', (_what, operation) => {
    const refused = tryPatch(OBJECT, [replacement('copy/a:1')], [replace, operation]);
    expect(refused).toMatchObject({ code: 'UNSAFE_PATCH', cause: expect.any(Error) });
    expect(Object.hasOwn(Object.prototype, 'polluted')).toBe(false);
  });

  it.each<[string, readonly PatchOperation[]]>([
    ['has no effect', [replace, { op: 'replace', path: '/metadata/name', value: 'w' }]],
    ['writes a place twice', [{ ...replace, value: 'copy/other:1' }, replace]],
    ['undoes itself', [replace, { op: 'replace', path: PLACE, value: 'a:1' }]],
  ])('refuses a patch that %s', (_what, operations) => {
    expect(fault([replacement('copy/a:1')], ...operations)).toMatch(/wanted 2 changes, got [01]/);
  });

  it('refuses a patch that has an effect elsewhere than it says', () => {
    const whole: PatchOperation = { op: 'add', path: '', value: { kind: 'Pod' } };
    expect(fault([replacement('copy/a:1')], whole)).toContain('wanted 1 changes, got ');
  });

  it.each<[string, readonly PatchOperation[]]>([
    ['does not replace the image', [annotate]],
    ['writes another image', [{ ...replace, value: 'copy/b:1' }, annotate]],
    ['replaces another image as well', [replace, { ...replace, path: '/spec/containers/1/image' }]],
    [
      'adds a container',
      [replace, { op: 'add', path: '/spec/containers/2', value: { name: 'c', image: 'c:1' } }],
    ],
    ['renames a container', [replace, { op: 'replace', path: '/spec/containers/0/name', value: 'z' }]],
    [
      'makes the containers unreadable',
      [replace, { op: 'replace', path: '/spec/containers', value: 'none' }],
    ],
    ['makes it another kind', [replace, { op: 'replace', path: '/kind', value: 'Service' }]],
    [
      'changes when images are pulled',
      [replace, { op: 'add', path: '/spec/containers/0/imagePullPolicy', value: 'Always' }],
    ],
  ])('refuses a patch that %s', (_what, operations) => {
    expect(fault([replacement('copy/a:1')], ...operations)).toMatch(
      /other containers or images than wanted|wanted 2 changes/,
    );
  });

  it.each([
    '/metadata/name',
    '/spec/containers/0',
    '/spec/containers/0/name',
    '/spec/containers/1/image',
    '/spec/containers/2/image',
    '/spec/containers/-/image',
    '/spec/containers/00/image',
    '/__proto__/image',
    '/constructor/prototype/image',
    '',
  ])('refuses a replacement at %j, where that image is not', (pointer) => {
    const operation: PatchOperation = { op: 'replace', path: pointer, value: 'copy/a:1' };
    expect(fault([replacement('copy/a:1', pointer)], operation)).toContain(
      `Cannot patch the object: wanted another image at ${JSON.stringify(pointer)}`,
    );
  });

  it('refuses two replacements at one place', () => {
    expect(fault([replacement('copy/a:1'), replacement('copy/a:1')], replace)).toContain(
      'wanted another image at',
    );
  });

  it.each(['', ' ', 'copy/A:1', 'copy/a:1 ', 'https://a.b/c'])('refuses %j as an image', (image) => {
    expect(tryPatch(OBJECT, [replacement(image)], [{ ...replace, value: image }])).toMatchObject({
      cause: { code: 'INVALID_REFERENCE' },
    });
  });

  it('names a few places only, however many are wrong', () => {
    const operations = Array.from(
      { length: 100 },
      (_, index): PatchOperation => ({ op: 'add', path: `/metadata/annotations/${index}`, value: 'x' }),
    );
    const spoilt = operations.map((operation) => ({ ...operation, path: `${operation.path}/x` }));
    const message = tryPatch(
      { ...OBJECT, metadata: {} },
      [replacement('copy/a:1')],
      [...operations, ...spoilt],
    )?.message;
    expect(message?.length).toBeLessThan(500);
  });
});
