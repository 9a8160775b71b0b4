import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { stringify } from 'yaml';
import { ManifestError, readManifests } from './manifests.ts';

const POD = { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'a' } };
const OTHER = { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'b' } };

function read(text: string): readonly unknown[] {
  return readManifests(text, 'file.yaml');
}

function fault(text: string): string {
  try {
    read(text);
  } catch (error) {
    if (error instanceof ManifestError) return error.message;
    throw error;
  }
  return 'none';
}

describe('readManifests', () => {
  const [a, b] = [stringify(POD), stringify(OTHER)];

  it.each([
    ['one document', a],
    ['one that is announced', `---\n${a}`],
    ['one that is ended', `${a}...\n`],
    ['one with Windows line ends', a.replaceAll('\n', '\r\n')],
    ['one after a byte order mark', `\uFEFF${a}`],
    ['one after a directive of its version', `%YAML 1.2\n---\n${a}`],
    ['JSON', JSON.stringify(POD)],
    ['JSON over many lines', JSON.stringify(POD, undefined, 2)],
    ['YAML that begins like JSON', '{apiVersion: v1, kind: Pod, metadata: {name: a}}'],
  ])('reads %s', (_what, text) => {
    expect(read(text)).toEqual([POD]);
  });

  it.each([
    ['documents', `${a}---\n${b}`],
    ['documents with comments at the boundary', `${a}--- # Source: chart/b.yaml\n${b}`],
    ['documents with empty ones between', `---\n---\n# Source: nothing\n---\n${a}---\n\n---\n${b}---\n`],
    ['a List', stringify({ apiVersion: 'v1', kind: 'List', items: [POD, OTHER] })],
    [
      'a List in a List',
      stringify({
        apiVersion: 'v1',
        kind: 'List',
        items: [{ apiVersion: 'v1', kind: 'List', items: [POD, OTHER] }],
      }),
    ],
    [
      'a PodList, whose items do not say what they are',
      stringify({
        apiVersion: 'v1',
        kind: 'PodList',
        items: [{ metadata: { name: 'a' } }, { metadata: { name: 'b' } }],
      }),
    ],
    ['JSON and YAML', `${JSON.stringify(POD)}\n---\n${b}`],
  ])('reads several of %s', (_what, text) => {
    expect(read(text)).toEqual([POD, OTHER]);
  });

  it.each(['', '\n', '---\n', '# only a comment\n', '---\n---\n', 'null'])('finds nothing in %j', (text) => {
    expect(read(text)).toEqual([]);
  });

  it('does not take dashes in a text for the end of a document', () => {
    const object = { ...POD, data: { text: 'a\n--- b\n----\n' } };
    expect(read(stringify(object))).toEqual([object]);
  });

  it('follows anchors', () => {
    expect(read('apiVersion: v1\nkind: Pod\na: &x {b: 1}\nc: *x')).toEqual([
      { apiVersion: 'v1', kind: 'Pod', a: { b: 1 }, c: { b: 1 } },
    ]);
  });

  it.each([
    ['text', 'wanted Kubernetes objects, with apiVersion and kind'],
    ['- a\n- b', 'wanted Kubernetes objects, with apiVersion and kind'],
    ['apiVersion: v1', 'wanted Kubernetes objects, with apiVersion and kind'],
    ['kind: List\nitems: [a]', 'wanted Kubernetes objects, with apiVersion and kind'],
    ['kind: List\nitems: [null]', 'wanted Kubernetes objects, with apiVersion and kind'],
  ])('refuses %j', (text, why) => {
    expect(fault(text)).toBe(`Cannot read manifests from file.yaml:1: ${why}`);
  });

  it.each([
    ['kind: [', 1],
    ['kind: Pod\nkind: Pod', 2],
    ['{{ .Values.image }}', 1],
    ['a: *nothing', 1],
    ['\tkind: Pod', 1],
  ])('refuses %j, which is no YAML, and names the line', (text, line) => {
    expect(fault(text)).toMatch(new RegExp(`^Cannot read manifests from file\\.yaml:${line}: .`));
  });

  it('counts lines over all documents', () => {
    expect(fault(`${a}---\n${b}---\nkind: Pod\nb: *x\n`)).toMatch(/from file\.yaml:12: /);
  });

  it('shows no line of a file that it refuses', () => {
    expect(fault('password: hunter2\nkind: [')).not.toContain('hunter2');
  });

  it('refuses lists that are nested without end, and aliases that multiply', () => {
    const nested = Array.from({ length: 20 }).reduce<unknown>(
      (item) => ({ apiVersion: 'v1', kind: 'List', items: [item] }),
      POD,
    );
    expect(fault(JSON.stringify(nested))).toContain('wanted Kubernetes objects');
    const lines = Array.from(
      { length: 9 },
      (_, index) => `x${index + 1}: &x${index + 1} [${`*x${index},`.repeat(9)}]`,
    );
    expect(fault(`kind: Pod\nx0: &x0 [a]\n${lines.join('\n')}`)).toContain('aliases unfold');
  });

  it('reads back whatever objects are written, as YAML and as JSON', () => {
    const text = fc.string().filter((one) => !/[\uD800-\uDFFF]/.test(one));
    const object = fc.record({
      apiVersion: fc.constant('v1'),
      kind: fc.constantFrom('Pod', 'Job'),
      data: fc.dictionary(
        text.filter((key) => key !== '__proto__'),
        fc.oneof(text, fc.integer(), fc.boolean()),
      ),
    });
    fc.assert(
      fc.property(fc.array(object), (objects) => {
        expect(read(objects.map((one) => stringify(one, { version: '1.1' })).join('---\n'))).toEqual(
          objects.map(plain),
        );
        expect(read(objects.map((one) => JSON.stringify(one)).join('\n---\n'))).toEqual(objects.map(plain));
      }),
    );
  });
});

/** Without the prototypes that generated values come with. */
function plain(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value));
}
