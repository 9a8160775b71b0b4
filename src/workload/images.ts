import { isRecord } from '../image/descriptor.ts';
import { groupKindOf } from './group-kind.ts';
import { locate } from './json-path.ts';
import { BUILT_IN_KINDS, type Kinds } from './kinds.ts';
import { findPodSpec, type PodSpec } from './pod-spec.ts';
import { type Pointer, pointerTo } from './pointer.ts';

/** `field`: a single text of a custom resource. */
export type Role = 'container' | 'init' | 'ephemeral' | 'volume' | 'field';

/** One place of a workload that names an image. */
export interface ImageUse {
  /** Where the text stands, from the top of the object. */
  readonly pointer: Pointer;
  /**
   * Of the container, of the volume that is an image, or the pointer of a single text. Whatever the user wrote: not
   * checked, may be empty.
   */
  readonly name: string;
  readonly role: Role;
  /** As the user wrote it; empty where nothing is written, which templates may leave to other tools. */
  readonly image: string;
  /** `Always`, `IfNotPresent` or `Never`; the API server has filled it in. */
  readonly pullPolicy?: string;
}

/** Lists of containers in a pod spec (core/v1 PodSpec). Sidecars are init containers. */
const CONTAINER_LISTS: readonly (readonly [string, Role])[] = [
  ['containers', 'container'],
  ['initContainers', 'init'],
  ['ephemeralContainers', 'ephemeral'],
];

/** Every image that a workload names, in the order of its containers, then its image volumes. Never throws. */
export function findImages(object: unknown, kinds: Kinds = BUILT_IN_KINDS): readonly ImageUse[] {
  const found = findPodSpec(object, kinds);
  if (found === undefined) return fieldImages(object, kinds);
  return [
    ...CONTAINER_LISTS.flatMap(([list, role]) => containerImages(found, list, role)),
    ...volumeImages(found),
  ];
}

/** A field that is absent has no image: its operator fills in one of its own later, and not here. */
function fieldImages(object: unknown, kinds: Kinds): readonly ImageUse[] {
  const place = kinds.get(groupKindOf(object) ?? '');
  if (place === undefined || !('image' in place)) return [];
  return locate(object, place.image).flatMap(({ path, value }) => {
    const pointer = pointerTo(path);
    return imageUse({ pointer, name: pointer, role: 'field', image: value });
  });
}

function containerImages({ path, spec }: PodSpec, list: string, role: Role): readonly ImageUse[] {
  const base = pointerTo([...path, list]);
  return entries(spec[list]).flatMap(([index, { name, image, imagePullPolicy }]) =>
    imageUse({ pointer: `${base}/${index}/image`, name, role, image }, imagePullPolicy),
  );
}

function volumeImages({ path, spec }: PodSpec): readonly ImageUse[] {
  const base = pointerTo([...path, 'volumes']);
  return entries(spec['volumes']).flatMap(([index, { name, image }]) => {
    if (!isRecord(image)) return [];
    const pointer = `${base}/${index}/image/reference`;
    return imageUse({ pointer, name, role: 'volume', image: image['reference'] }, image['pullPolicy']);
  });
}

function entries(list: unknown): readonly (readonly [number, Record<string, unknown>])[] {
  if (!Array.isArray(list)) return [];
  return list.flatMap((entry: unknown, index) => (isRecord(entry) ? [[index, entry] as const] : []));
}

interface Written {
  readonly pointer: Pointer;
  readonly name: unknown;
  readonly role: Role;
  readonly image: unknown;
}

/** No use where the image is no text: the API server refuses such an object itself, in better words. */
function imageUse({ pointer, name, role, image }: Written, pullPolicy?: unknown): readonly ImageUse[] {
  const text = image ?? '';
  if (typeof text !== 'string') return [];
  const use = { pointer, name: typeof name === 'string' ? name : '', role, image: text };
  return [typeof pullPolicy === 'string' ? { ...use, pullPolicy } : use];
}
