import type { Context, Next } from 'koa';
import type { Logger } from '../telemetry/logger.ts';
import type { Metrics } from '../telemetry/metrics.ts';
import { DisconnectedError, Refusal } from './refusal.ts';
import { parseTarget } from './request-target.ts';

export interface FaultParts {
  readonly log: Logger;
  readonly metrics: Pick<Metrics, 'admissionRequests'>;
}

/** Enough to recognise a path by; strangers choose it. */
const LONGEST_PATH = 100;

/**
 * No request, whatever it holds, may do more harm than to its own answer: what it throws ends here.
 * @param reviewPath requests to it are counted
 */
export async function answerFaults(
  parts: FaultParts,
  reviewPath: string,
  context: Context,
  next: Next,
): Promise<void> {
  try {
    await next();
  } catch (error) {
    const { path } = parseTarget(context.req.url);
    const outcome = outcomeOf(error);
    if (path === reviewPath && outcome !== undefined) parts.metrics.admissionRequests.inc({ outcome });
    answer(context, error);
    report(parts.log, error, { path: path.slice(0, LONGEST_PATH), status: context.status });
  }
}

/** A client that went away got no answer, and none is counted. */
function outcomeOf(error: unknown): 'refused' | 'errored' | undefined {
  if (error instanceof DisconnectedError) return undefined;
  return error instanceof Refusal ? 'refused' : 'errored';
}

function answer(context: Context, error: unknown): void {
  const refusal = error instanceof Refusal ? error : undefined;
  // What a handler had begun to say is taken back; 500 tells an API server to follow the failure policy.
  context.status = refusal?.status ?? 500;
  context.set({ ...refusal?.headers });
  context.body = {
    code: refusal?.code ?? 'INTERNAL',
    error: refusal?.message ?? 'Cannot answer this request',
  };
}

/** Wrong addresses are anybody's noise. What was turned away for its size or for lack of room is the operator's. */
function report(
  log: Logger,
  error: unknown,
  where: { readonly path: string; readonly status: number },
): void {
  if (error instanceof DisconnectedError) log.debug({ ...where, error }, 'Client went away');
  else if (!(error instanceof Refusal)) log.error({ ...where, error }, 'Request failed');
  else if (error.isNoise) log.debug({ ...where, error }, 'Request refused');
  else log.warn({ ...where, error }, 'Request refused');
}
