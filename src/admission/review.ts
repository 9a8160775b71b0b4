import { cloneImages } from './clone-images.ts';
import type { Cloning } from './cloning.ts';
import { waitBudget, withDeadline } from './deadline.ts';
import { decodeReview } from './decode.ts';
import { type AdmissionEvent, aboutOf, type ObserveAdmission, quietly, type Result } from './event.ts';
import type { AdmissionRequest } from './request.ts';
import { type AdmissionResponse, type Answer, allowed, answer, errored } from './response.ts';
import { ReviewError } from './review-error.ts';

/** What came with the bytes. */
export interface Call {
  readonly contentType: string | undefined;
  /** `?timeout=`: how long the API server waits, as Go writes it. */
  readonly timeout: string | undefined;
  /** Aborts when the caller has gone. */
  readonly signal: AbortSignal;
}

/**
 * AdmissionReview in, AdmissionReview out: bytes to bytes. Never rejects, and refuses a request only where the settings
 * ask for it: a defect of ours must not stop anybody from working.
 */
export async function review(bytes: Uint8Array, call: Call, cloning: Cloning): Promise<Answer> {
  const started = performance.now();
  const quiet = { ...cloning, observe: quietly(cloning.observe) };
  const request = read(bytes, call, quiet.observe);
  if (request instanceof ReviewError) return errored(request);
  quiet.observe({ type: 'received', ...aboutOf(request), dryRun: request.dryRun });
  const response = await respond(request, call, quiet);
  quiet.observe(lastWord(request, response, performance.now() - started));
  return answer(request.apiVersion, response);
}

function read(
  bytes: Uint8Array,
  { contentType }: Call,
  observe: ObserveAdmission,
): AdmissionRequest | ReviewError {
  try {
    return decodeReview(bytes, contentType);
  } catch (cause) {
    const error =
      cause instanceof ReviewError ? cause : ReviewError.malformed('a defect of the reader', { cause });
    observe({ type: 'malformed', error });
    return error;
  }
}

async function respond(
  request: AdmissionRequest,
  { timeout, signal }: Call,
  cloning: Cloning,
): Promise<AdmissionResponse> {
  try {
    const budget = waitBudget(timeout, cloning.settings.waitSeconds);
    return await withDeadline(budget, signal, (deadline) => cloneImages(request, cloning, deadline));
  } catch (thrown) {
    const error = thrown instanceof Error ? thrown : new Error(String(thrown));
    cloning.observe({ type: 'crashed', ...aboutOf(request), error });
    return allowed(request);
  }
}

function lastWord(
  request: AdmissionRequest,
  response: AdmissionResponse,
  durationMs: number,
): AdmissionEvent {
  const { status } = response;
  const word = { type: 'answered', ...aboutOf(request), result: resultOf(response), durationMs } as const;
  return status === undefined ? word : { ...word, message: status.message };
}

function resultOf({ allowed: isAllowed, patch }: AdmissionResponse): Result {
  if (!isAllowed) return 'denied';
  return patch === undefined ? 'allowed' : 'patched';
}
