import { isRecord } from '../image/descriptor.ts';
import { groupKindOf } from './group-kind.ts';
import { hasPodSpec } from './pod-spec.ts';

/**
 * Why a whole object is left alone.
 * - `opted-out`: its owner said so, by label
 * - `mirror-pod`: a picture of a static pod; what it runs is decided by a file on the node
 * - `controlled`: its controller is a workload we handle; a controller that finds its child changed makes another one
 */
export type HandsOff = 'opted-out' | 'mirror-pod' | 'controlled';

const LABEL = 'image-cloner';
const DISABLED = 'disabled';
/** Set by the kubelet (core/v1 `MirrorPodAnnotationKey`). */
const MIRROR_POD = 'kubernetes.io/config.mirror';

/** The reason to leave an object alone; undefined when there is none. */
export function handsOff(object: unknown): HandsOff | undefined {
  const metadata = isRecord(object) ? object['metadata'] : undefined;
  if (!isRecord(metadata)) return undefined;
  if (entry(metadata['labels'], LABEL) === DISABLED) return 'opted-out';
  if (entry(metadata['annotations'], MIRROR_POD) !== undefined) return 'mirror-pod';
  return isControlled(metadata['ownerReferences']) ? 'controlled' : undefined;
}

function entry(map: unknown, key: string): unknown {
  return isRecord(map) ? map[key] : undefined;
}

/** Other owners (a backup tool, an operator's custom resource) do not put the image back. */
function isControlled(owners: unknown): boolean {
  return (
    Array.isArray(owners) &&
    owners.some((owner) => isRecord(owner) && owner['controller'] === true && hasPodSpec(groupKindOf(owner)))
  );
}
