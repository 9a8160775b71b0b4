import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { leaseNameOf, leaseObject, versionOf } from './lease-object.ts';

test('any name of a copy becomes a name that Kubernetes takes (RFC 1123 label), and another for each', () => {
  fc.assert(
    fc.property(fc.string(), fc.string(), (one, other) => {
      expect(leaseNameOf(one)).toMatch(/^[a-z0-9-]{1,63}$/);
      expect(leaseNameOf(one) === leaseNameOf(other)).toBe(one === other);
    }),
  );
});

test('a lease says who has it, what it is about, and since when', () => {
  const now = new Date('2026-11-21T12:00:00.123Z');
  expect(leaseObject({ about: 'b/app:1', holder: 'pod-1', now })).toMatchObject({
    metadata: { annotations: { 'image-cloner.dev/copy': 'b/app:1' } },
    spec: { holderIdentity: 'pod-1', renewTime: '2026-11-21T12:00:00.123000Z' },
  });
});

test.each([
  [{ metadata: { resourceVersion: '7' } }, '7'],
  [{ metadata: { resourceVersion: 7 } }, undefined],
  [{ metadata: null }, undefined],
  [{}, undefined],
  [null, undefined],
  ['text', undefined],
  [undefined, undefined],
])('the version of %j is %j', (object, version) => {
  expect(versionOf(object)).toBe(version);
});
