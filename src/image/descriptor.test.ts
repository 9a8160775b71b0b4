import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isRecord, isTextRecord, readDescriptor } from './descriptor.ts';
import { digestOf } from './digest.ts';
import { OCI_LAYER, OCI_MANIFEST } from './media-type.ts';

const DIGEST = digestOf(Buffer.from('layer'));
const PLAIN = { mediaType: OCI_LAYER, digest: DIGEST, size: 5 };

describe('readDescriptor', () => {
  it('reads what the specification names and drops the rest', () => {
    const full = {
      mediaType: OCI_MANIFEST,
      digest: DIGEST,
      size: 5,
      artifactType: 'application/x',
      annotations: { a: 'b' },
      platform: { os: 'linux', architecture: 'arm', variant: 'v7' },
      urls: ['https://example.com/layer'],
      data: 'bGF5ZXI=',
    };
    expect(readDescriptor({ ...full, more: true })).toEqual(full);
  });

  it.each([0, 1, Number.MAX_SAFE_INTEGER])('takes size %d', (size) => {
    expect(readDescriptor({ ...PLAIN, size })).toEqual({ ...PLAIN, size });
  });

  it.each([
    undefined,
    null,
    true,
    'text',
    42,
    [],
    [PLAIN],
    {},
    { ...PLAIN, mediaType: undefined },
    { ...PLAIN, mediaType: 7 },
    { ...PLAIN, digest: undefined },
    { ...PLAIN, digest: { toString: 'no' } },
    { ...PLAIN, digest: [DIGEST] },
    { ...PLAIN, digest: 'sha256:abc' },
    { ...PLAIN, digest: 'sha256:../../../../etc/passwd' },
    { ...PLAIN, digest: `${DIGEST}/../x` },
    { ...PLAIN, size: undefined },
    { ...PLAIN, size: '5' },
    { ...PLAIN, size: -1 },
    { ...PLAIN, size: 1.5 },
    { ...PLAIN, size: Number.NaN },
    { ...PLAIN, size: Number.POSITIVE_INFINITY },
    { ...PLAIN, size: 2 ** 53 },
  ])('finds no descriptor in %j', (value) => {
    expect(readDescriptor(value)).toBeUndefined();
  });

  it.each([
    { artifactType: 1 },
    { annotations: 'no map' },
    { annotations: { a: 1 } },
    { annotations: ['a'] },
    { platform: 'linux/amd64' },
    { platform: null },
    { platform: { os: 'linux' } },
    { platform: { os: 'linux', architecture: 1 } },
    { platform: { os: 'linux', architecture: 'arm', variant: 7 } },
    { urls: 'https://example.com' },
    { urls: [1] },
    { data: 5 },
  ])('reads the descriptor without %j', (extra) => {
    expect(readDescriptor({ ...PLAIN, ...extra })).toEqual(PLAIN);
  });

  it('never throws, whatever JSON it is given', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        expect(readDescriptor(value)).toBeUndefined();
        expect(
          readDescriptor({ ...PLAIN, annotations: value, platform: value, urls: value, data: value }),
        ).toMatchObject(PLAIN);
      }),
    );
  });
});

describe('isRecord', () => {
  it.each([
    [{}, true],
    [{ a: 1 }, true],
    [null, false],
    [undefined, false],
    [[], false],
    ['text', false],
    [5, false],
  ])('of %j is %s', (value, expected) => {
    expect(isRecord(value)).toBe(expected);
  });
});

describe('isTextRecord', () => {
  it.each([
    [{}, true],
    [{ a: 'b' }, true],
    [{ a: 'b', c: 1 }, false],
    [{ a: null }, false],
    [['a'], false],
    [null, false],
  ])('of %j is %s', (value, expected) => {
    expect(isTextRecord(value)).toBe(expected);
  });
});
