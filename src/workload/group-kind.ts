import { isRecord } from '../image/descriptor.ts';

/**
 * Group and kind as Kubernetes joins them (`schema.GroupKind`): `Deployment.apps`, and `Pod` for the core group.
 * The version is left out: it changes the fields of a workload, not where its images live.
 */
export type GroupKind = string;

/** The group and kind that an object, or a reference to its owner, says it is. */
export function groupKindOf(object: unknown): GroupKind | undefined {
  if (!isRecord(object)) return undefined;
  const { apiVersion, kind } = object;
  if (typeof apiVersion !== 'string' || typeof kind !== 'string') return undefined;
  const slash = apiVersion.indexOf('/');
  return slash < 0 ? kind : `${kind}.${apiVersion.slice(0, slash)}`;
}
