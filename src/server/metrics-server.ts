import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Logger } from '../telemetry/logger.ts';
import type { Metrics } from '../telemetry/metrics.ts';
import { createPlainServer } from './http-server.ts';
import type { Readiness } from './readiness.ts';
import { parseTarget } from './request-target.ts';

export interface MetricsParts {
  readonly metrics: Pick<Metrics, 'render'>;
  readonly log: Logger;
  /** Answers `/readyz` and `/livez` here as well: for a server that nobody reaches without a certificate. */
  readonly readiness?: Readiness;
}

/**
 * `/metrics` over plain HTTP on a port of its own: whoever scrapes needs no certificate and no way to the webhook.
 * Not listening yet.
 */
export function createMetricsServer(parts: MetricsParts): Server {
  return createPlainServer((request, response) => {
    answer(parts, request, response).catch((error: unknown) => {
      parts.log.error({ error, path: '/metrics' }, 'Request failed');
      response.writeHead(500).end();
    });
  });
}

async function answer(
  { metrics, readiness }: MetricsParts,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const { path } = parseTarget(request.url);
  if (readiness !== undefined && ['/readyz', '/livez'].includes(path)) {
    const well = path === '/livez' || readiness.state === 'ready';
    response.writeHead(well ? 200 : 503).end(well ? 'OK' : readiness.state);
  } else if (path !== '/metrics') {
    response.writeHead(404).end();
  } else if (request.method !== 'GET' && request.method !== 'HEAD') {
    response.writeHead(405, { allow: 'GET, HEAD' }).end();
  } else {
    const { contentType, body } = await metrics.render();
    response.writeHead(200, { 'content-type': contentType }).end(request.method === 'GET' ? body : undefined);
  }
}
