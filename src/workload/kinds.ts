import type { GroupKind } from './group-kind.ts';
import type { JsonPath } from './json-path.ts';

/** Where the images of a kind are: in a pod spec, or in single texts (an operator's `spec.imageName`). */
export type Place = { readonly podSpec: readonly string[] } | { readonly image: JsonPath };

/** The kinds whose images are handled. */
export type Kinds = ReadonlyMap<GroupKind, Place>;

const TEMPLATE: Place = { podSpec: ['spec', 'template', 'spec'] };

/**
 * Kubernetes' own kinds with a pod spec. The group counts: other projects have a `StatefulSet` or a `Job` of their
 * own, whose shape is theirs.
 */
export const BUILT_IN_KINDS: Kinds = new Map<GroupKind, Place>([
  ['Pod', { podSpec: ['spec'] }],
  ['PodTemplate', { podSpec: ['template', 'spec'] }],
  ['ReplicationController', TEMPLATE],
  ['Deployment.apps', TEMPLATE],
  ['ReplicaSet.apps', TEMPLATE],
  ['StatefulSet.apps', TEMPLATE],
  ['DaemonSet.apps', TEMPLATE],
  ['Job.batch', TEMPLATE],
  ['CronJob.batch', { podSpec: ['spec', 'jobTemplate', 'spec', 'template', 'spec'] }],
]);
