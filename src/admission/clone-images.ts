import { isCopyOf } from '../plan/naming.ts';
import { planRequest } from '../plan/plan-request.ts';
import { buildPatch } from '../workload/patch.ts';
import type { PatchOperation } from '../workload/patch-operation.ts';
import type { Cloning } from './cloning.ts';
import { aboutOf } from './event.ts';
import { findCopies } from './find-copies.ts';
import { notSafe } from './message.ts';
import { watchPromised } from './promised-copies.ts';
import type { AdmissionRequest } from './request.ts';
import { type AdmissionResponse, allowed, denied, patched } from './response.ts';
import type { Verdict } from './verdict.ts';

/**
 * Answers one request: find the images, plan, make sure that the copies exist, patch.
 * @param signal ends the wait for copies; they go on
 */
export async function cloneImages(
  request: AdmissionRequest,
  cloning: Cloning,
  signal: AbortSignal,
): Promise<AdmissionResponse> {
  const plan = planRequest(request, cloning.judgement);
  if (plan.ignored !== undefined) {
    cloning.observe({ type: 'ignored', ...aboutOf(request), reason: plan.ignored });
    return allowed(request);
  }
  const verdicts = await findCopies(request, plan.decisions, cloning, signal);
  return respond(request, verdicts, cloning);
}

function respond(
  request: AdmissionRequest,
  verdicts: readonly Verdict[],
  cloning: Cloning,
): AdmissionResponse {
  const { judgement, observe } = cloning;
  const { naming, kinds } = judgement;
  const denials = verdicts.flatMap(({ denial }) => denial ?? []);
  if (denials.length > 0) return denied(request, [...denials, ...advicesOf(verdicts)]);
  const replacements = verdicts.flatMap(({ replacement }) => replacement ?? []);
  const patch = buildPatch(
    request.object,
    replacements,
    (source, image) => isCopyOf(source, image, naming, request.namespace),
    kinds,
  );
  if (patch.ok) {
    tellPatched(request, patch.operations, verdicts, cloning);
    return patched(request, patch.operations, warningsOf(verdicts));
  }
  observe({ type: 'unsafe-patch', ...aboutOf(request), error: patch.fault });
  return allowed(request, [notSafe(), ...warningsOf(verdicts.filter((verdict) => !verdict.replacement))]);
}

function tellPatched(
  request: AdmissionRequest,
  operations: readonly PatchOperation[],
  verdicts: readonly Verdict[],
  cloning: Cloning,
): void {
  const images = operations.filter(({ op }) => op === 'replace').length;
  if (images === 0) return;
  cloning.observe({ type: 'patched', ...aboutOf(request), images, dryRun: request.dryRun });
  const promised = verdicts.flatMap(({ promised: task }) => task ?? []);
  void watchPromised(request, promised, cloning);
}

function warningsOf(verdicts: readonly Verdict[]): readonly string[] {
  return [...verdicts.flatMap(({ warning }) => warning ?? []), ...advicesOf(verdicts)];
}

function advicesOf(verdicts: readonly Verdict[]): readonly string[] {
  return verdicts.flatMap(({ advice }) => advice ?? []);
}
