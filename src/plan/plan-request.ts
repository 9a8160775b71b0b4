import { changedImages } from '../workload/changed-images.ts';
import { groupKindOf } from '../workload/group-kind.ts';
import { type HandsOff, handsOff } from '../workload/hands-off.ts';
import { findImages, type ImageUse } from '../workload/images.ts';
import type { Kinds } from '../workload/kinds.ts';
import type { Decision } from './decision.ts';
import type { Judgement } from './judgement.ts';
import { planImages } from './plan.ts';
import { subjectOf } from './subject.ts';

/** What is wanted of the API server: the part of an AdmissionRequest that decides anything. */
export interface PlanRequest {
  readonly operation: 'CREATE' | 'UPDATE' | 'DELETE' | 'CONNECT';
  readonly subResource?: string | undefined;
  /** Templates carry none of their own. */
  readonly namespace?: string | undefined;
  readonly object: unknown;
  readonly oldObject: unknown;
}

/** Why no image of a request is looked at. */
export type IgnoreReason = HandsOff | 'operation' | 'subresource' | 'switched-off';

export type Plan =
  | { readonly ignored: IgnoreReason }
  | { readonly ignored?: undefined; readonly decisions: readonly Decision[] };

/** The one subresource that brings images of its own. */
const EPHEMERAL_CONTAINERS = 'ephemeralcontainers';
const POD = 'Pod';

/** What is to become of every image of a request. The same question always has the same answer. */
export function planRequest(request: PlanRequest, judgement: Judgement): Plan {
  const { kinds } = judgement;
  const reason = reasonToIgnore(request, judgement);
  const controlled = reason === 'controlled' && groupKindOf(request.object) === POD;
  if (reason !== undefined && !controlled) return { ignored: reason };
  const subject = subjectOf(request.object, request.namespace ?? '', kinds);
  // Nobody puts back a container that a user adds to debug a pod, whoever controls the pod.
  const owner = { subject, controlled: controlled && request.subResource !== EPHEMERAL_CONTAINERS };
  return { decisions: planImages(imagesOf(request, kinds), owner, judgement) };
}

function reasonToIgnore(
  { operation, subResource, object }: PlanRequest,
  { enabled, kinds }: Judgement,
): IgnoreReason | undefined {
  if (!enabled) return 'switched-off';
  if (operation !== 'CREATE' && operation !== 'UPDATE') return 'operation';
  if (subResource !== undefined && subResource !== EPHEMERAL_CONTAINERS) return 'subresource';
  return handsOff(object, kinds);
}

function imagesOf(
  { operation, subResource, object, oldObject }: PlanRequest,
  kinds: Kinds,
): readonly ImageUse[] {
  if (operation === 'CREATE') return findImages(object, kinds);
  const changed = changedImages(object, oldObject, kinds);
  // Whatever else such a request changes, the API server drops.
  return subResource === EPHEMERAL_CONTAINERS ? changed.filter((use) => use.role === 'ephemeral') : changed;
}
