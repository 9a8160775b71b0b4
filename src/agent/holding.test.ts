import { describe, expect, test } from 'vitest';
import type { Held } from '../copy/origin.ts';
import { digestOf } from '../image/digest.ts';
import { parseReference } from '../image/reference.ts';
import { type Holding, holdingOf, readHolding, readImages, writeImages } from './holding.ts';

const digest = digestOf(Buffer.from('held'));
const index = digestOf(Buffer.from('index'));

async function push(): Promise<void> {}

function overTheWire(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value));
}

describe('what a node holds', () => {
  test.each<[string, Held, Holding]>([
    ['made anew', { faithful: false, push }, { faithful: false }],
    ['all of it', { faithful: true, digest, push }, { faithful: true, digest }],
    [
      'one platform',
      { faithful: true, digest, partial: { index, platform: 'linux/arm64' }, push },
      { faithful: true, digest, partial: { index, platform: 'linux/arm64' } },
    ],
    [
      'one platform that says nothing of itself',
      { faithful: true, digest, partial: { index }, push },
      { faithful: true, digest, partial: { index } },
    ],
  ])('is told as it is: %s', (_what, held, holding) => {
    expect(readHolding(overTheWire(holdingOf(held)))).toEqual(holding);
  });

  test.each<[string, unknown]>([
    ['nothing', undefined],
    ['null', null],
    ['a text', 'faithful'],
    ['a list', [true]],
    ['no word on its digest', { digest }],
    ['a digest that is a path', { faithful: true, digest: '../../x' }],
    ['a digest of an unknown kind', { faithful: true, digest: 'md5:00' }],
    ['a part without its index', { faithful: true, digest, partial: {} }],
    ['a part of a text', { faithful: true, digest, partial: 'linux/amd64' }],
  ])('is not told by %s', (_what, value) => {
    expect(readHolding(value)).toBeUndefined();
  });
});

describe('the images of a node', () => {
  test('are told with all that is known of them', () => {
    const images = [
      { reference: parseReference('alpine:3.12'), digest, whole: true },
      { reference: parseReference(`quay.io/a/b@${digest}`), whole: false, why: 'a layer is not there' },
    ];
    expect(readImages(overTheWire(writeImages(images)))).toEqual(images);
  });

  test.each<[string, unknown]>([
    ['nothing', undefined],
    ['no list', { reference: 'alpine', whole: true }],
    ['entries that are none', [null, 'alpine', 1, []]],
    ['an entry without a name', [{ whole: true }]],
    ['an entry with a name that is none', [{ reference: '../x', whole: true }]],
    ['an entry that does not say whether it is whole', [{ reference: 'alpine' }]],
  ])('are none in %s', (_what, value) => {
    expect(readImages(value)).toEqual([]);
  });

  test('are kept beside an entry that is none, and without what is none of it', () => {
    const entries = [{ reference: 'a:1', whole: true, digest: 'x', why: 7 }, { reference: '' }];
    expect(readImages(entries)).toEqual([{ reference: parseReference('a:1'), whole: true }]);
  });
});
