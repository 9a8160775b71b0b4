import type { EventEmitter } from 'node:events';
import type { Logger } from '../telemetry/logger.ts';
import type { Metrics } from '../telemetry/metrics.ts';

export interface UncaughtParts {
  readonly log: Logger;
  readonly metrics: Pick<Metrics, 'defects'>;
}

/**
 * Logs and counts what nothing caught, and stays up. Leaving would be the usual advice, but here it does more harm:
 * whoever finds a request that makes us throw in a callback could take down every replica by sending it again, and
 * each end cuts all other admissions and copies under way. What such an error leaves behind is one request without
 * an answer, which the API server's timeout ends. A process that cannot work any more is found by the liveness probe;
 * `image_cloner_defects_total` is there to be alerted on.
 *
 * To be called once serving has begun: an error during the start ends the process, as it should.
 * @param source the process
 */
export function surviveUncaught(source: Pick<EventEmitter, 'on'>, { log, metrics }: UncaughtParts): void {
  source.on('uncaughtException', (error: unknown) => {
    metrics.defects.inc({ kind: 'exception' });
    log.fatal({ error }, 'Uncaught exception');
  });
  source.on('unhandledRejection', (error: unknown) => {
    metrics.defects.inc({ kind: 'rejection' });
    log.error({ error }, 'Unhandled rejection');
  });
}
