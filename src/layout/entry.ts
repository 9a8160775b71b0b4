import type { Descriptor } from '../image/descriptor.ts';
import type { Digest } from '../image/digest.ts';

/** Annotation that names a manifest within a layout (OCI image spec, annotations.md). */
const REF_NAME = 'org.opencontainers.image.ref.name';

/** Entries of an index.json. One manifest with three tags has three entries. */
type Entries = readonly Descriptor[];

export function tagOf(entry: Descriptor): string | undefined {
  return entry.annotations?.[REF_NAME];
}

/** Adds a manifest under a tag. The manifest that had the tag stays, by its digest. */
export function withTag(entries: Entries, descriptor: Descriptor, tag: string): Entries {
  const others = withoutTag(entries, tag).filter(
    (entry) => !isPlain(entry) || entry.digest !== descriptor.digest,
  );
  return [...others, { ...descriptor, annotations: { [REF_NAME]: tag } }];
}

/** Adds a manifest that has no tag, unless it is there. */
export function withDigest(entries: Entries, descriptor: Descriptor): Entries {
  return entries.some(({ digest }) => digest === descriptor.digest) ? entries : [...entries, descriptor];
}

/** Takes a tag away. The manifest stays, by its digest. */
export function withoutTag(entries: Entries, tag: string): Entries {
  const tagged = entries.find((entry) => tagOf(entry) === tag);
  if (tagged === undefined) return entries;
  const others = entries.filter((entry) => tagOf(entry) !== tag);
  return withDigest(others, untagged(tagged));
}

/** Takes a manifest away with all its tags. */
export function withoutDigest(entries: Entries, digest: Digest): Entries {
  return entries.filter((entry) => entry.digest !== digest);
}

/**
 * Leaves out what is reached through an index anyway: readers take each entry for an image of its own. Only entries that
 * say nothing else are left out.
 */
export function withoutChildren(entries: Entries, children: readonly Descriptor[]): Entries {
  const reached = new Set(children.map(({ digest }) => digest));
  return entries.filter((entry) => !isPlain(entry) || !reached.has(entry.digest));
}

function isPlain({ annotations }: Descriptor): boolean {
  return annotations === undefined || Object.keys(annotations).length === 0;
}

function untagged({ annotations = {}, ...entry }: Descriptor): Descriptor {
  const { [REF_NAME]: _, ...kept } = annotations;
  return Object.keys(kept).length === 0 ? entry : { ...entry, annotations: kept };
}
