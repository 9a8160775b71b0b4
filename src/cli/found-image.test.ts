import { describe, expect, test } from 'vitest';
import { FakeOrigin } from '../../test/fakes/origin.ts';
import { never } from '../../test/fakes/stage.ts';
import type { HeldImage } from '../copy/origin.ts';
import { type Digest, digestOf } from '../image/digest.ts';
import { formatReference, parseReference } from '../image/reference.ts';
import { listAll, lookFor } from './found-image.ts';

const digest = digestOf(Buffer.from('image'));
const other = digestOf(Buffer.from('other'));
const naming = { prefix: { host: 'r.example.com', path: 'backup' }, scheme: 'keep-host' } as const;

/** As a holder lists it. */
function held(name: string, is: Digest = digest, whole = true): HeldImage {
  return { reference: parseReference(name), digest: is, whole };
}

/** What is left of the lists of holders, which these are the names of. */
async function namesOf(lists: Readonly<Record<string, readonly HeldImage[]>>): Promise<readonly string[]> {
  const origins = Object.entries(lists).map(([name, list]) => new FakeOrigin({ name, list }));
  const found = await listAll({ origins, naming, signal: never });
  return found.map(({ source }) => formatReference(source));
}

const [TAG, BY_DIGEST] = ['quay.io/team/app:1', `quay.io/team/app@${digest}`];

describe('the name by digest that Kubernetes gives an image beside its tag', () => {
  test.each<[string, readonly HeldImage[]]>([
    ['of an image', [held(BY_DIGEST), held(TAG)]],
    ['of one platform of an index', [held(TAG, digest, false), held(BY_DIGEST, digest, false)]],
    ['that has the tag as well, as ctr makes it', [held(TAG), held(`${TAG}@${digest}`)]],
    [
      'of one of two tags',
      [held('quay.io/team/app:0', other), held(TAG), held('quay.io/team/app:2', other), held(BY_DIGEST)],
    ],
  ])('%s is no image of its own', async (_what, list) => {
    const names = await namesOf({ containerd: list });
    expect(names).toContain(TAG);
    expect(names.filter((name) => name.includes('@'))).toEqual([]);
  });

  test.each<[string, readonly HeldImage[]]>([
    ['has no tag', [held(BY_DIGEST)]],
    ['has a tag that went to another image', [held(TAG, other), held(BY_DIGEST)]],
    [
      'has a tag of which nobody knows the digest',
      [{ reference: parseReference(TAG), whole: true }, held(BY_DIGEST)],
    ],
    ['has its tag in another repository', [held('quay.io/team/other:1'), held(BY_DIGEST)]],
    ['has its tag at another registry', [held('docker.io/team/app:1'), held(BY_DIGEST)]],
    ['is beside another name by digest', [held(`${TAG}@${digest}`, other), held(BY_DIGEST)]],
    ['is all there, and the tag is not', [held(TAG, digest, false), held(BY_DIGEST)]],
  ])('stays where it %s', async (_what, list) => {
    expect(await namesOf({ containerd: list })).toContain(BY_DIGEST);
  });

  test('stays where somebody holds it who does not hold the tag', async () => {
    const names = await namesOf({ docker: [held(TAG)], agents: [held(BY_DIGEST)] });
    expect(names).toEqual([TAG, BY_DIGEST]);
  });

  test('stays where the tag stands for something else on another node', async () => {
    const names = await namesOf({ containerd: [held(TAG), held(BY_DIGEST)], agents: [held(TAG, other)] });
    expect(names).toEqual([TAG, BY_DIGEST]);
  });

  test('goes where all that hold it hold the tag', async () => {
    const list = [held(TAG), held(BY_DIGEST)];
    expect(await namesOf({ containerd: list, agents: list, docker: [held(TAG)] })).toEqual([TAG]);
  });

  test('is looked for when it is asked for', async () => {
    const holder = new FakeOrigin({ holds: () => ({ faithful: true, digest, push: async () => undefined }) });
    const wanted = [TAG, BY_DIGEST].map(parseReference);
    const found = await lookFor(wanted, { origins: [holder], naming, signal: never });
    expect(found.map(({ source }) => source)).toEqual(wanted);
  });
});

test('what is told of an image is who holds it, and whether one of them has all of it', async () => {
  const origins = [
    new FakeOrigin({ name: 'docker', list: [held(TAG, digest, false)] }),
    new FakeOrigin({ name: 'agents', list: [held(TAG), held('quay.io/team/part:1', other, false)] }),
  ];
  expect(await listAll({ origins, naming, signal: never })).toEqual([
    { source: parseReference(TAG), heldBy: ['docker', 'agents'], whole: true },
    { source: parseReference('quay.io/team/part:1'), heldBy: ['agents'], whole: false },
  ]);
});

test.each([
  ['all of it', true, { alias: parseReference(BY_DIGEST) }],
  ['a part of it', false, {}],
])('a tag knows of its name by digest that holds %s', async (_what, whole, wanted) => {
  const list = [held(TAG, digest, whole), held(BY_DIGEST, digest, whole), held('quay.io/team/other:1')];
  const found = await listAll({ origins: [new FakeOrigin({ list })], naming, signal: never });
  expect(found).toEqual([
    { source: parseReference(TAG), heldBy: ['node'], whole, ...wanted },
    { source: parseReference('quay.io/team/other:1'), heldBy: ['node'], whole: true },
  ]);
});
