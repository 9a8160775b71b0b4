import type { Context } from 'koa';

/** One request, once its answer is out. For a line of an access log. */
export interface AccessEvent {
  readonly type: 'request';
  readonly method: string;
  /** Without the query. */
  readonly path: string;
  readonly status: number;
  /** False when the connection broke before the end of the answer. */
  readonly complete: boolean;
  /** Bytes of the request's and the answer's body, as their headers say; 0 where they do not. */
  readonly receivedBytes: number;
  readonly sentBytes: number;
  readonly durationMs: number;
  /** Address of the client. */
  readonly remote: string;
  /** Why, where the answer is a fault of the server. */
  readonly error?: unknown;
}

/** Tells of a request when its answer is out or its connection is gone. @returns takes the reason of a failure */
export function observeAccess(ctx: Context, observe: (event: AccessEvent) => void): (error: unknown) => void {
  const started = performance.now();
  let reason: { error?: unknown } = {};
  ctx.res.once('close', () => {
    observe({
      type: 'request',
      method: ctx.method,
      path: ctx.path,
      status: ctx.status,
      complete: ctx.res.writableFinished,
      receivedBytes: Number(ctx.get('content-length')),
      sentBytes: ctx.method === 'HEAD' ? 0 : Number(ctx.response.get('content-length')),
      durationMs: performance.now() - started,
      remote: ctx.ip,
      ...reason,
    });
  });
  return (error) => {
    reason = { error };
  };
}
