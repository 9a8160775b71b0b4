import type { Context } from 'koa';
import type { Readiness } from './readiness.ts';

/** `/readyz`: may requests be sent here? */
export function tellReadiness(readiness: Readiness, context: Context): void {
  const ready = readiness.state === 'ready';
  context.status = ready ? 200 : 503;
  context.body = ready ? 'OK' : readiness.state;
}

/**
 * `/livez`: would a restart help? It answers as long as the event loop turns, and asks nothing of certificates,
 * registries or the API server: no restart brings those back.
 */
export function tellLiveness(context: Context): void {
  context.body = 'OK';
}
