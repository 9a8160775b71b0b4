import { isRecord } from '../image/descriptor.ts';
import { controllerOf } from '../workload/controller.ts';
import { type GroupKind, groupKindOf } from '../workload/group-kind.ts';
import type { Kinds } from '../workload/kinds.ts';
import { podMetadataOf } from '../workload/pod-spec.ts';
import { serviceAccountOf } from '../workload/service-account.ts';

/** What rules ask about an object. */
export interface Subject {
  readonly namespace: string;
  /** Its own kind first, then those of the workloads that made it, as far as it shows them. */
  readonly kinds: readonly GroupKind[];
  readonly labels: Texts;
  readonly annotations: Texts;
  /** Undefined where no pods are described. */
  readonly serviceAccount?: string;
}

export type Texts = Readonly<Record<string, unknown>>;

/** Who makes those that make pods. A pod shows only the next one. */
const MAKERS: ReadonlyMap<GroupKind, GroupKind> = new Map([
  ['ReplicaSet.apps', 'Deployment.apps'],
  ['Job.batch', 'CronJob.batch'],
]);

/**
 * Reads the subject of an object. A label of the pod template counts as one of the workload, so that a rule holds for
 * the workload and for its pods alike; where both have it, the workload's own counts.
 */
export function subjectOf(object: unknown, namespace: string, kinds: Kinds): Subject {
  const own = isRecord(object) ? object['metadata'] : undefined;
  const pods = podMetadataOf(object, kinds);
  const account = serviceAccountOf(object, kinds);
  return {
    namespace,
    kinds: kindsOf(object, kinds),
    labels: { ...textsOf(pods, 'labels'), ...textsOf(own, 'labels') },
    annotations: { ...textsOf(pods, 'annotations'), ...textsOf(own, 'annotations') },
    ...(account !== undefined && { serviceAccount: account }),
  };
}

function kindsOf(object: unknown, kinds: Kinds): readonly GroupKind[] {
  const controller = controllerOf(object, kinds);
  const maker = controller === undefined ? undefined : MAKERS.get(controller);
  return [groupKindOf(object), controller, maker].filter((kind) => kind !== undefined);
}

function textsOf(metadata: unknown, map: string): Texts {
  const found = isRecord(metadata) ? metadata[map] : undefined;
  return isRecord(found) ? found : {};
}
