import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Descriptor } from '../image/descriptor.ts';
import { digestOf } from '../image/digest.ts';
import { OCI_MANIFEST } from '../image/media-type.ts';
import { tagOf, withDigest, withoutChildren, withoutDigest, withoutTag, withTag } from './entry.ts';

const REF_NAME = 'org.opencontainers.image.ref.name';

function manifest(id: number): Descriptor {
  return { mediaType: OCI_MANIFEST, digest: digestOf(Buffer.from([id])), size: id };
}

/** Any run of changes, among a few tags and manifests so that they meet. */
const changes = fc.array(
  fc.record({
    verb: fc.constantFrom('withTag', 'withDigest', 'withoutTag', 'withoutDigest'),
    id: fc.integer({ min: 0, max: 4 }),
    tag: fc.constantFrom('a', 'b', 'c'),
  }),
);
type Change = typeof changes extends fc.Arbitrary<(infer T)[]> ? T : never;

function apply(entries: readonly Descriptor[], { verb, id, tag }: Change): readonly Descriptor[] {
  if (verb === 'withTag') return withTag(entries, manifest(id), tag);
  if (verb === 'withDigest') return withDigest(entries, manifest(id));
  if (verb === 'withoutTag') return withoutTag(entries, tag);
  return withoutDigest(entries, manifest(id).digest);
}

/** The same in the plainest words: a set of manifests, and tags that point at them. */
function model(run: readonly Change[]): { held: Set<string>; tags: Map<string, string> } {
  const held = new Set<string>();
  const tags = new Map<string, string>();
  for (const { verb, id, tag } of run) {
    const { digest } = manifest(id);
    if (verb === 'withTag' || verb === 'withDigest') held.add(digest);
    if (verb === 'withTag') tags.set(tag, digest);
    if (verb === 'withoutTag') tags.delete(tag);
    if (verb !== 'withoutDigest') continue;
    held.delete(digest);
    for (const [name, target] of tags) if (target === digest) tags.delete(name);
  }
  return { held, tags };
}

test('after any run of changes exactly the right manifests and tags are there', () => {
  fc.assert(
    fc.property(changes, (run) => {
      const entries = run.reduce(apply, []);
      const { held, tags } = model(run);
      expect(new Set(entries.map(({ digest }) => digest))).toEqual(held);
      const tagged = entries.flatMap((entry) =>
        tagOf(entry) === undefined ? [] : [[tagOf(entry), entry.digest]],
      );
      expect(Object.fromEntries(tagged)).toEqual(Object.fromEntries(tags));
      expect(tagged).toHaveLength(tags.size);
    }),
  );
});

test('no manifest is listed both with and without a tag', () => {
  fc.assert(
    fc.property(changes, (run) => {
      const entries = run.reduce(apply, []);
      const bare = entries.filter((entry) => tagOf(entry) === undefined).map(({ digest }) => digest);
      expect(new Set(bare).size).toBe(bare.length);
      expect(entries.filter(({ digest }) => bare.includes(digest))).toHaveLength(bare.length);
    }),
  );
});

test('other annotations of an entry stay when it loses its tag', () => {
  const entry = { ...manifest(1), annotations: { [REF_NAME]: 'a', other: 'kept' } };
  expect(withoutTag([entry], 'a')).toEqual([{ ...manifest(1), annotations: { other: 'kept' } }]);
});

test('children with a name or annotation of their own stay listed', () => {
  const named = withTag([], manifest(1), 'a');
  const noted = { ...manifest(2), annotations: { other: 'kept' } };
  const entries = [...named, noted, manifest(3), manifest(4)];
  expect(withoutChildren(entries, [manifest(1), manifest(2), manifest(3)])).toEqual([
    ...named,
    noted,
    manifest(4),
  ]);
});
