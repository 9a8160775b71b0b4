import { isRecord } from '../image/descriptor.ts';
import { type GroupKind, groupKindOf } from './group-kind.ts';
import { BUILT_IN_KINDS, type Kinds } from './kinds.ts';

/**
 * The kind of the workload that made an object and puts it back when it changes. Undefined where nobody does, and for
 * owners of other kinds (a backup tool, an operator's custom resource): they do not put the image back.
 */
export function controllerOf(object: unknown, kinds: Kinds = BUILT_IN_KINDS): GroupKind | undefined {
  const metadata = isRecord(object) ? object['metadata'] : undefined;
  const owners: unknown = isRecord(metadata) ? metadata['ownerReferences'] : undefined;
  if (!Array.isArray(owners)) return undefined;
  return owners
    .filter((owner: unknown) => isRecord(owner) && owner['controller'] === true)
    .map(groupKindOf)
    .find((kind) => kind !== undefined && kinds.has(kind));
}
