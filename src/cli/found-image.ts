import type { HeldImage, Origin } from '../copy/origin.ts';
import type { Digest } from '../image/digest.ts';
import { formatReference, type Reference, repositoryOf } from '../image/reference.ts';
import type { Naming } from '../plan/naming.ts';
import { isBackup } from '../plan/prefix.ts';

/** An image that may be rescued, with those who hold it. */
export interface FoundImage {
  readonly source: Reference;
  readonly heldBy: readonly string[];
  /** Some holder has all of it. Absent where nobody holds it. */
  readonly whole?: boolean;
  /** Of a tag: another name of the same image, by its digest, under which all of it is held. */
  readonly alias?: Reference;
}

interface Where {
  readonly origins: readonly Origin[];
  readonly naming: Naming;
  readonly signal: AbortSignal;
}

/** One name in the lists of all holders. */
interface Listed extends FoundImage {
  readonly whole: boolean;
  /** What it stands for, where all of them say the same. */
  readonly digest: Digest | undefined;
}

/** Every image that is held, in the order of their names. What is a backup itself is none. */
export async function listAll({ origins, naming, signal }: Where): Promise<readonly FoundImage[]> {
  const byName = new Map<string, Listed>();
  for (const origin of origins) {
    for (const image of (await origin.list?.(signal)) ?? []) {
      if (isBackup(image.reference, naming.prefix)) continue;
      const name = formatReference(image.reference);
      byName.set(name, withHolder(byName.get(name), origin.name, image));
    }
  }
  const sorted = [...byName].toSorted(([one], [other]) => (one < other ? -1 : 1));
  return withoutDoubles(sorted.map(([, image]) => image));
}

function withHolder(
  known: Listed | undefined,
  holder: string,
  { reference: source, whole, digest }: HeldImage,
): Listed {
  if (known === undefined) return { source, heldBy: [holder], whole, digest };
  return {
    source,
    heldBy: [...known.heldBy, holder],
    whole: known.whole || whole,
    digest: known.digest === digest ? digest : undefined,
  };
}

/**
 * Kubernetes' part of containerd names each image by its digest beside its tag. Who saves the tag has saved both, and of
 * an index that is held in part nothing but the tag can be saved.
 */
function withoutDoubles(images: readonly Listed[]): readonly FoundImage[] {
  const tags = Map.groupBy(images.filter(isTag), contentOf);
  const doubles = new Set(
    images.filter(
      (image) => !isTag(image) && tags.get(contentOf(image))?.some((tag) => standsFor(tag, image)),
    ),
  );
  const aliases = new Map(
    [...doubles].filter(({ whole }) => whole).map((double) => [contentOf(double), double.source]),
  );
  return images
    .filter((image) => !doubles.has(image))
    .map((image) => {
      const { source, heldBy, whole } = image;
      const alias = isTag(image) ? aliases.get(contentOf(image)) : undefined;
      return { source, heldBy, whole, ...(alias !== undefined && { alias }) };
    });
}

function isTag({ source }: Listed): boolean {
  return source.digest === undefined;
}

function contentOf({ source, digest }: Listed): string {
  return `${repositoryOf(source)}@${source.digest ?? digest ?? 'unknown'}`;
}

/** Nobody holds the one that does not hold the other, nor more of it. */
function standsFor(tag: Listed, { heldBy, whole }: Listed): boolean {
  return (tag.whole || !whole) && heldBy.every((holder) => tag.heldBy.includes(holder));
}

/** Named images, whoever holds them. */
export async function lookFor(
  references: readonly Reference[],
  { origins, signal }: Where,
): Promise<readonly FoundImage[]> {
  const found: FoundImage[] = [];
  for (const source of references) {
    const holders: { readonly name: string; readonly whole: boolean }[] = [];
    for (const origin of origins) {
      const held = await origin.find(source, signal);
      await held?.close?.();
      if (held !== undefined) holders.push({ name: origin.name, whole: held.partial === undefined });
    }
    const whole = holders.length > 0 && { whole: holders.some((one) => one.whole) };
    found.push({ source, heldBy: holders.map(({ name }) => name), ...whole });
  }
  return found;
}
