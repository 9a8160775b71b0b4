import { BUILT_IN_KINDS, type Kinds } from './kinds.ts';
import { findPodSpec } from './pod-spec.ts';

/** Kubernetes' own, where a pod spec names none. */
const DEFAULT_ACCOUNT = 'default';

/** The service account that the pods of an object run as. Undefined where no pods are described. */
export function serviceAccountOf(object: unknown, kinds: Kinds = BUILT_IN_KINDS): string | undefined {
  const spec = findPodSpec(object, kinds)?.spec;
  if (spec === undefined) return undefined;
  const { serviceAccountName: name } = spec;
  return typeof name === 'string' && name !== '' ? name : DEFAULT_ACCOUNT;
}
