import { isRecord } from '../image/descriptor.ts';
import { controllerOf } from './controller.ts';
import { BUILT_IN_KINDS, type Kinds } from './kinds.ts';
import { podMetadataOf } from './pod-spec.ts';

/**
 * Why a whole object is left alone.
 * - `opted-out`: its owner said so, by label on it or on the pods it makes
 * - `mirror-pod`: a picture of a static pod; what it runs is decided by a file on the node
 * - `controlled`: its controller is a workload we handle; a controller that finds its child changed makes another one
 */
export type HandsOff = 'opted-out' | 'mirror-pod' | 'controlled';

const LABEL = 'image-cloner';
const DISABLED = 'disabled';
/** Set by the kubelet (core/v1 `MirrorPodAnnotationKey`). */
const MIRROR_POD = 'kubernetes.io/config.mirror';

/** The reason to leave an object alone; undefined when there is none. */
export function handsOff(object: unknown, kinds: Kinds = BUILT_IN_KINDS): HandsOff | undefined {
  const metadata = isRecord(object) ? object['metadata'] : undefined;
  if (isOptedOut(metadata) || isOptedOut(podMetadataOf(object, kinds))) return 'opted-out';
  if (entry(metadata, 'annotations', MIRROR_POD) !== undefined) return 'mirror-pod';
  return controllerOf(object, kinds) === undefined ? undefined : 'controlled';
}

function isOptedOut(metadata: unknown): boolean {
  return entry(metadata, 'labels', LABEL) === DISABLED;
}

function entry(metadata: unknown, map: string, key: string): unknown {
  const found = isRecord(metadata) ? metadata[map] : undefined;
  return isRecord(found) ? found[key] : undefined;
}
