import { groupKindOf } from './group-kind.ts';
import { findImages, type ImageUse, type Role } from './images.ts';
import { BUILT_IN_KINDS, type Kinds } from './kinds.ts';

/**
 * What an UPDATE must not touch, because the API server refuses the change and with it the user's request:
 * the template of a Job, all of it, and the volumes of a Pod.
 */
const IMMUTABLE: ReadonlyMap<string, ReadonlySet<Role>> = new Map([
  ['Job.batch', new Set<Role>(['container', 'init', 'ephemeral', 'volume'])],
  ['Pod', new Set<Role>(['volume'])],
]);

/**
 * The images that an UPDATE brings: those that differ from what is stored. To rewrite any other would restart
 * containers because somebody added a label. Without an `oldObject` nobody knows what changed, so nothing did.
 */
export function changedImages(
  object: unknown,
  oldObject: unknown,
  kinds: Kinds = BUILT_IN_KINDS,
): readonly ImageUse[] {
  const immutable = IMMUTABLE.get(groupKindOf(object) ?? '');
  const stored = findImages(oldObject, kinds);
  if (stored.length === 0) return [];
  const uses = findImages(object, kinds);
  const before = new Map(stored.map((use) => [placeOf(use), use.image]));
  const renamed = imagesOfVanished(stored, uses);
  return uses.filter((use) => immutable?.has(use.role) !== true && isChanged(use, before, renamed));
}

/** Containers are told apart by name, not by position: a list may be put into another order. */
function isChanged(
  use: ImageUse,
  before: ReadonlyMap<string, string>,
  renamed: ReadonlySet<string>,
): boolean {
  const image = before.get(placeOf(use));
  if (image === undefined) return !renamed.has(contentOf(use));
  // An ephemeral container cannot be changed any more; the API server answers that to whoever tries.
  return use.role !== 'ephemeral' && image !== use.image;
}

/** A container that is there no more and one that is new, with the same image, are one container renamed. */
function imagesOfVanished(stored: readonly ImageUse[], uses: readonly ImageUse[]): ReadonlySet<string> {
  const places = new Set(uses.map(placeOf));
  return new Set(stored.filter((use) => !places.has(placeOf(use))).map(contentOf));
}

function placeOf({ role, name }: ImageUse): string {
  return `${role} ${name}`;
}

function contentOf({ role, image }: ImageUse): string {
  return `${role} ${image}`;
}
