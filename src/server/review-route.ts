import type { Context } from 'koa';
import type { Metrics } from '../telemetry/metrics.ts';
import type { Intake } from './intake.ts';
import { parseTarget } from './request-target.ts';

/** The HTTP side of a request under review. */
export interface ReviewContext {
  readonly contentType: string;
  /** `?timeout=` as it was sent: how long the API server waits, `10s`. */
  readonly timeout: string | undefined;
  /** Aborts when the client goes away: nobody waits for the answer any more. */
  readonly signal: AbortSignal;
}

interface ReviewAnswer {
  /** HTTP status. */
  readonly status: number;
  /** JSON. */
  readonly body: string | Uint8Array;
}

/** Judges one AdmissionReview, bytes in, bytes out. */
export type Review = (body: Uint8Array, context: ReviewContext) => Promise<ReviewAnswer>;

export interface ReviewParts {
  readonly review: Review;
  readonly intake: Intake;
  readonly metrics: Pick<Metrics, 'admissionInFlight' | 'admissionDuration'>;
}

/** Reads the request, has it judged, and answers. */
export async function answerReview(parts: ReviewParts, context: Context): Promise<void> {
  const endTimer = parts.metrics.admissionDuration.startTimer();
  parts.metrics.admissionInFlight.inc();
  try {
    const { status, body } = await judge(parts, context);
    context.status = status;
    context.type = 'application/json';
    // The framework would print any other array of bytes as JSON.
    context.body = typeof body === 'string' ? body : Buffer.from(body.buffer, body.byteOffset, body.length);
  } finally {
    parts.metrics.admissionInFlight.dec();
    endTimer();
  }
}

function judge({ review, intake }: ReviewParts, context: Context): Promise<ReviewAnswer> {
  const { query } = parseTarget(context.req.url);
  const reviewContext = {
    contentType: context.req.headers['content-type'] ?? '',
    timeout: query.get('timeout') ?? undefined,
    signal: disconnection(context),
  };
  return intake.admit(context.req, (body) => review(body, reviewContext));
}

function disconnection({ res }: Context): AbortSignal {
  const controller = new AbortController();
  res.once('close', () => {
    if (!res.writableFinished) controller.abort();
  });
  return controller.signal;
}
