import { isCopyOf } from '../plan/naming.ts';
import { planImages } from '../plan/plan.ts';
import { changedImages } from '../workload/changed-images.ts';
import { handsOff } from '../workload/hands-off.ts';
import { findImages, type ImageUse } from '../workload/images.ts';
import { buildPatch } from '../workload/patch.ts';
import type { Cloning } from './cloning.ts';
import { aboutOf, type IgnoreReason } from './event.ts';
import { findCopies } from './find-copies.ts';
import { notSafe } from './message.ts';
import type { AdmissionRequest } from './request.ts';
import { type AdmissionResponse, allowed, denied, patched } from './response.ts';
import type { Verdict } from './verdict.ts';

/** The one subresource that brings images of its own. */
const EPHEMERAL_CONTAINERS = 'ephemeralcontainers';

/**
 * Answers one request: find the images, plan, make sure that the copies exist, patch.
 * @param signal ends the wait for copies; they go on
 */
export async function cloneImages(
  request: AdmissionRequest,
  cloning: Cloning,
  signal: AbortSignal,
): Promise<AdmissionResponse> {
  const { naming, observe } = cloning;
  const reason = reasonToIgnore(request);
  if (reason !== undefined) {
    observe({ type: 'ignored', ...aboutOf(request), reason });
    return allowed(request);
  }
  const decisions = planImages(imagesOf(request), naming);
  const verdicts = await findCopies(request, decisions, cloning, signal);
  return respond(request, verdicts, cloning);
}

function reasonToIgnore({ operation, subResource, object }: AdmissionRequest): IgnoreReason | undefined {
  if (operation !== 'CREATE' && operation !== 'UPDATE') return 'operation';
  if (subResource !== undefined && subResource !== EPHEMERAL_CONTAINERS) return 'subresource';
  const reason = handsOff(object);
  // Nobody puts back a container that a user adds to debug a pod, whoever controls the pod.
  return reason === 'controlled' && subResource === EPHEMERAL_CONTAINERS ? undefined : reason;
}

function imagesOf({ operation, subResource, object, oldObject }: AdmissionRequest): readonly ImageUse[] {
  if (operation === 'CREATE') return findImages(object);
  const changed = changedImages(object, oldObject);
  // Whatever else such a request changes, the API server drops.
  return subResource === EPHEMERAL_CONTAINERS ? changed.filter((use) => use.role === 'ephemeral') : changed;
}

function respond(
  request: AdmissionRequest,
  verdicts: readonly Verdict[],
  { naming, observe }: Cloning,
): AdmissionResponse {
  const denials = verdicts.flatMap(({ denial }) => denial ?? []);
  if (denials.length > 0) return denied(request, denials);
  const replacements = verdicts.flatMap(({ replacement }) => replacement ?? []);
  const patch = buildPatch(request.object, replacements, (source, image) => isCopyOf(source, image, naming));
  if (patch.ok) return patched(request, patch.operations, warningsOf(verdicts));
  observe({ type: 'unsafe-patch', ...aboutOf(request), error: patch.fault });
  return allowed(request, [notSafe(), ...warningsOf(verdicts.filter((verdict) => !verdict.replacement))]);
}

function warningsOf(verdicts: readonly Verdict[]): readonly string[] {
  return verdicts.flatMap(({ warning }) => warning ?? []);
}
