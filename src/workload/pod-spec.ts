import { isRecord } from '../image/descriptor.ts';
import { type GroupKind, groupKindOf } from './group-kind.ts';

const TEMPLATE = ['spec', 'template', 'spec'] as const;

/**
 * Kinds with a pod spec, and the way to it. The group counts: other projects have a `StatefulSet` or a `Job` of
 * their own, whose shape is theirs.
 */
const PATHS: ReadonlyMap<GroupKind, readonly string[]> = new Map<GroupKind, readonly string[]>([
  ['Pod', ['spec']],
  ['PodTemplate', ['template', 'spec']],
  ['ReplicationController', TEMPLATE],
  ['Deployment.apps', TEMPLATE],
  ['ReplicaSet.apps', TEMPLATE],
  ['StatefulSet.apps', TEMPLATE],
  ['DaemonSet.apps', TEMPLATE],
  ['Job.batch', TEMPLATE],
  ['CronJob.batch', ['spec', 'jobTemplate', ...TEMPLATE]],
]);

/** A pod spec, and the member names that lead to it from the top of its object. */
export interface PodSpec {
  readonly path: readonly string[];
  readonly spec: Readonly<Record<string, unknown>>;
}

/** True for kinds whose images are found here. */
export function hasPodSpec(groupKind: GroupKind | undefined): boolean {
  return groupKind !== undefined && PATHS.has(groupKind);
}

/** The pod spec of a Kubernetes object; undefined for every other kind and for objects of an unexpected shape. */
export function findPodSpec(object: unknown): PodSpec | undefined {
  const path = PATHS.get(groupKindOf(object) ?? '');
  if (path === undefined) return undefined;
  const spec = path.reduce<unknown>((value, key) => (isRecord(value) ? value[key] : undefined), object);
  return isRecord(spec) ? { path, spec } : undefined;
}
