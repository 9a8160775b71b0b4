import { isRecord, isTextRecord } from '../image/descriptor.ts';
import { findImages, type ImageUse } from './images.ts';
import { BUILT_IN_KINDS, type Kinds } from './kinds.ts';

/** Annotation on a changed object: JSON of container → image as the user wrote it. */
export const ORIGINAL_IMAGES = 'image-cloner.dev/original-images';

/** Most bytes of all annotations of an object, keys and values (apimachinery, `TotalAnnotationSizeLimitB`). */
const MOST_ANNOTATION_BYTES = 256 * 1024;

/** Is `image` what a copy of `source` is called? Both as written; neither need be readable. */
export type IsCopyOf = (source: string, image: string) => boolean;

/**
 * The annotation's new value: what is replaced now, and what it said before of containers that still run that copy.
 * Anybody can write the old value, so an entry of it is kept only if the container's image proves it.
 * The order is that of the containers, so that the same images always give the same text.
 * @param replaced the uses that get a copy now
 * @returns undefined where it would not fit: the API server would refuse the whole object
 */
export function originalImages(
  object: unknown,
  replaced: readonly ImageUse[],
  isCopyOf: IsCopyOf,
  kinds: Kinds = BUILT_IN_KINDS,
): string | undefined {
  const now = new Set(replaced.map((use) => use.pointer));
  const before = readOriginals(object);
  const originals = findImages(object, kinds).flatMap((use) => {
    const source = now.has(use.pointer) ? use.image : before.get(keyOf(use));
    if (source === undefined) return [];
    return now.has(use.pointer) || isCopyOf(source, use.image) ? [[keyOf(use), source] as const] : [];
  });
  const text = JSON.stringify(Object.fromEntries(originals));
  return fits(annotationsOf(object), text) ? text : undefined;
}

/** Container names are unique in a pod, whatever their role; volumes have names of their own, fields begin with `/`. */
function keyOf({ role, name }: ImageUse): string {
  return role === 'volume' ? `volume/${name}` : name;
}

function readOriginals(object: unknown): ReadonlyMap<string, string> {
  const text = annotationsOf(object)?.[ORIGINAL_IMAGES];
  return new Map(typeof text === 'string' ? Object.entries(parseTexts(text)) : []);
}

function parseTexts(text: string): Record<string, string> {
  try {
    const value: unknown = JSON.parse(text);
    return isTextRecord(value) ? value : {};
  } catch {
    return {};
  }
}

/** The annotations of an object; undefined where it has none. */
export function annotationsOf(object: unknown): Record<string, unknown> | undefined {
  const metadata = isRecord(object) ? object['metadata'] : undefined;
  const annotations = isRecord(metadata) ? metadata['annotations'] : undefined;
  return isRecord(annotations) ? annotations : undefined;
}

function fits(annotations: Record<string, unknown> | undefined, text: string): boolean {
  const all = Object.entries({ ...annotations, [ORIGINAL_IMAGES]: text });
  const bytes = all.reduce((sum, [key, value]) => sum + byteLength(key) + byteLength(value), 0);
  return bytes <= MOST_ANNOTATION_BYTES;
}

function byteLength(value: unknown): number {
  return typeof value === 'string' ? Buffer.byteLength(value) : 0;
}
