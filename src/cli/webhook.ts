import type { AddressInfo } from 'node:net';
import { review } from '../admission/review.ts';
import type { Settings } from '../config/configuration.ts';
import type { Environment } from '../config/process-environment.ts';
import { createApp } from '../server/app.ts';
import { Certificate } from '../server/certificate.ts';
import { createSecureServer } from '../server/http-server.ts';
import { Intake } from '../server/intake.ts';
import { Listener } from '../server/listener.ts';
import { createMetricsServer } from '../server/metrics-server.ts';
import { Readiness } from '../server/readiness.ts';
import { repeat } from '../server/repeat.ts';
import { shutDown } from '../server/shutdown.ts';
import type { Logger } from '../telemetry/logger.ts';
import type { Metrics } from '../telemetry/metrics.ts';
import { compose } from './compose.ts';
import { addressOf } from './listen-address.ts';

export interface WebhookParts {
  readonly settings: Settings;
  readonly log: Logger;
  readonly metrics: Metrics;
  /** For programs that are asked for credentials. @default the environment of the process */
  readonly environment?: Environment | undefined;
  /** Reads the configuration again, for what of it counts without a restart. */
  readonly reload?: (() => Promise<Settings>) | undefined;
}

/** A webhook that answers. */
export interface Webhook {
  readonly address: AddressInfo;
  readonly metricsAddress: AddressInfo;
  /** Stops without a failed request; resolves when nothing of it is left. */
  readonly stop: () => Promise<void>;
}

/** A mounted Secret or ConfigMap changes a minute after it was applied (kubelet); a few seconds more do not count. */
const LOOK_MS = 5000;

/**
 * Puts a server around the composition and starts it. Ready only once everything is there.
 * @throws CertificateError, ListenError, and what `compose` throws
 */
export async function startWebhook(parts: WebhookParts): Promise<Webhook> {
  const { settings, log, metrics, reload } = parts;
  const certificate = new Certificate({ files: settings.tls, log, metrics });
  const secure = await certificate.load();
  const { cloning, refresh, settle } = await compose(parts);
  const readiness = new Readiness();
  const app = createApp({
    review: (bytes, call) => review(bytes, call, cloning),
    intake: new Intake(),
    readiness,
    log,
    metrics,
  });
  const server = createSecureServer(secure, app.callback());
  const listener = new Listener(server);
  const metricsListener = new Listener(createMetricsServer({ metrics, log }));
  const metricsAddress = await metricsListener.listen(addressOf(settings.metrics.listen));
  const address = await listener.listen(addressOf(settings.listen));
  const stopLooking = repeat(() => certificate.refresh(server), LOOK_MS);
  const stopReloading = reload === undefined ? undefined : repeat(() => refresh(reload), LOOK_MS);
  readiness.start();
  return {
    address,
    metricsAddress,
    stop: async () => {
      const ending = { readiness, listener, metricsListener, settleCopies: settle, log };
      await shutDown(ending, settings.shutdown.graceSeconds);
      stopLooking();
      stopReloading?.();
    },
  };
}
