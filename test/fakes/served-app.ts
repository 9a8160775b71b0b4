import type { Server } from 'node:https';
import { onTestFinished } from 'vitest';
import { createApp } from '../../src/server/app.ts';
import { createSecureServer } from '../../src/server/http-server.ts';
import { Intake, type IntakeLimits } from '../../src/server/intake.ts';
import { Listener } from '../../src/server/listener.ts';
import { Readiness } from '../../src/server/readiness.ts';
import type { Review } from '../../src/server/review-route.ts';
import { createMetrics, type Metrics } from '../../src/telemetry/metrics.ts';
import type { Peer } from './https-client.ts';
import { type LoopbackCertificate, makeLoopbackCertificate } from './loopback-certificate.ts';
import { RecordingLogger } from './recording-logger.ts';

export interface ServedOptions {
  /** Default: answers 200 with the number of bytes received. */
  readonly review?: Review;
  readonly limits?: IntakeLimits;
  readonly certificate?: LoopbackCertificate;
}

/** The webhook's server without the judgement behind it. */
export interface ServedApp extends Peer {
  readonly server: Server;
  readonly listener: Listener;
  readonly readiness: Readiness;
  readonly intake: Intake;
  readonly log: RecordingLogger;
  readonly metrics: Metrics;
}

/** Serves on a free loopback port until the test is over. */
export async function serveApp(options: ServedOptions = {}): Promise<ServedApp> {
  const { ca, cert, key } = options.certificate ?? (await makeLoopbackCertificate());
  const parts = {
    review: options.review ?? countBytes,
    intake: new Intake(options.limits),
    readiness: new Readiness(),
    log: new RecordingLogger(),
    metrics: createMetrics({ version: '0.0.0-test' }),
  };
  const server = createSecureServer({ cert, key }, createApp(parts).callback());
  const listener = new Listener(server);
  const { port } = await listener.listen({ host: '127.0.0.1', port: 0 });
  parts.readiness.start();
  onTestFinished(() => listener.close(AbortSignal.abort()));
  return { ...parts, server, listener, port, ca };
}

async function countBytes(body: Uint8Array): Promise<{ status: number; body: string }> {
  return { status: 200, body: JSON.stringify({ bytes: body.length }) };
}
