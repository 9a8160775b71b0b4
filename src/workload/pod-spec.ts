import { isRecord } from '../image/descriptor.ts';
import { groupKindOf } from './group-kind.ts';
import { locate } from './json-path.ts';
import { BUILT_IN_KINDS, type Kinds } from './kinds.ts';

/** A pod spec, and the member names that lead to it from the top of its object. */
export interface PodSpec {
  readonly path: readonly string[];
  readonly spec: Readonly<Record<string, unknown>>;
}

/** The pod spec of a Kubernetes object; undefined for every other kind and for objects of an unexpected shape. */
export function findPodSpec(object: unknown, kinds: Kinds = BUILT_IN_KINDS): PodSpec | undefined {
  const place = kinds.get(groupKindOf(object) ?? '');
  if (place === undefined || !('podSpec' in place)) return undefined;
  const [found] = locate(object, place.podSpec);
  return isRecord(found?.value) ? { path: found.path, spec: found.value } : undefined;
}

/**
 * The metadata that pods of this object have or get: they stand beside the pod spec. An object without a pod spec has
 * its own. Undefined where nothing is written.
 */
export function podMetadataOf(
  object: unknown,
  kinds: Kinds = BUILT_IN_KINDS,
): Record<string, unknown> | undefined {
  const path = findPodSpec(object, kinds)?.path.slice(0, -1) ?? [];
  const [found] = locate(object, [...path, 'metadata']);
  return isRecord(found?.value) ? found.value : undefined;
}
