import type { AddressInfo } from 'node:net';
import { Agent, type PushWay } from '../agent/agent.ts';
import type { PushQuestion } from '../agent/question.ts';
import { ConfigError } from '../config/config-error.ts';
import type { Settings } from '../config/configuration.ts';
import { type Environment, processEnvironment } from '../config/process-environment.ts';
import { BlobMemory } from '../copy/blob-memory.ts';
import { transferLimit } from '../copy/limit.ts';
import { isBackup, parsePrefix } from '../plan/prefix.ts';
import { Client } from '../registry/client.ts';
import { hostCertificatesIn } from '../registry/host-certificates.ts';
import { proxyFrom } from '../registry/proxy.ts';
import { Repository } from '../registry/repository.ts';
import { Certificate } from '../server/certificate.ts';
import { createMutualServer } from '../server/http-server.ts';
import { Listener } from '../server/listener.ts';
import { createMetricsServer } from '../server/metrics-server.ts';
import { Readiness } from '../server/readiness.ts';
import { repeat } from '../server/repeat.ts';
import { shutDown } from '../server/shutdown.ts';
import type { Logger } from '../telemetry/logger.ts';
import type { Metrics } from '../telemetry/metrics.ts';
import { addressOf } from './listen-address.ts';
import { observeAgent } from './observe-node.ts';
import { observeRegistry } from './observe-registry.ts';
import { namedPlatforms } from './open-platforms.ts';
import { openDaemons } from './origins.ts';

export interface AgentServerParts {
  readonly settings: Settings;
  readonly log: Logger;
  readonly metrics: Metrics;
  /** For proxies. @default the environment of the process */
  readonly environment?: Environment | undefined;
}

/** An agent that answers. */
export interface AgentServer {
  readonly address: AddressInfo;
  readonly metricsAddress: AddressInfo;
  readonly stop: () => Promise<void>;
}

/** As often as the webhook does. */
const LOOK_MS = 5000;

/**
 * The agent of this node behind a listener that lets in only who has a certificate.
 * @throws ConfigError without a daemon to ask, or without the backup registry; CertificateError, ListenError
 */
export async function startAgent(parts: AgentServerParts): Promise<AgentServer> {
  const { settings, log, metrics } = parts;
  checkSettings(settings);
  const certificate = new Certificate({ files: settings.agents, log, metrics });
  const secure = await certificate.load();
  const daemons = await openDaemons({ settings, log, platforms: () => namedPlatforms(settings.copy) });
  const agent = new Agent({
    origins: daemons.map(({ origin }) => origin),
    mayPush: (backup) => isBackup(backup, parsePrefix(settings.registry.prefix, undefined)),
    wayTo: wayWith(parts),
    observe: observeAgent(log),
  });
  const readiness = new Readiness();
  const server = createMutualServer(secure, agent.handle, (reason) =>
    log.warn({ reason }, 'Connection refused, its certificate is not trusted'),
  );
  const listener = new Listener(server);
  const metricsListener = new Listener(createMetricsServer({ metrics, log, readiness }));
  const metricsAddress = await metricsListener.listen(addressOf(settings.metrics.listen));
  const address = await listener.listen(addressOf(settings.listen));
  const stopLooking = repeat(() => certificate.refresh(server), LOOK_MS);
  readiness.start();
  return {
    address,
    metricsAddress,
    stop: async () => {
      await shutDown(
        { readiness, listener, metricsListener, log, settleCopies: (signal) => agent.settle(signal) },
        settings.shutdown.graceSeconds,
      );
      stopLooking();
      await Promise.all(daemons.map(({ close }) => close()));
    },
  };
}

/** An agent pushes nowhere else: a certificate that was stolen is not to carry images away. */
function checkSettings({ registry, docker, containerd }: Settings): void {
  const faults = [
    ...(registry.prefix === undefined
      ? [
          {
            at: 'registry.prefix',
            what: 'is not set, wanted where the copies live: nothing is pushed elsewhere',
          },
        ]
      : []),
    ...(docker.socket === undefined && containerd.socket === undefined
      ? [{ at: 'containerd.socket', what: 'is not set, nor is docker.socket: there is nobody to ask' }]
      : []),
  ];
  if (faults.length > 0) throw new ConfigError(faults);
}

/** The password comes with the question, is used for this push, and kept nowhere. */
function wayWith({
  settings,
  log,
  metrics,
  environment = processEnvironment(),
}: AgentServerParts): (question: PushQuestion, signal: AbortSignal) => PushWay {
  const { registry, certsDir, copy } = settings;
  const limit = transferLimit(copy.concurrency);
  const memory = new BlobMemory();
  const platforms = namedPlatforms(copy);
  const observe = observeRegistry(log, metrics);
  return ({ source, backup, credential }, signal) => {
    const client = new Client({
      findCredentials: async ({ host }) =>
        credential === undefined || host !== backup.host ? [] : [credential],
      speaksPlainHttp: () => registry.plainHttp,
      mayBeInternal: () => true,
      findCertificates: certsDir === undefined ? undefined : hostCertificatesIn(certsDir),
      findProxy: proxyFrom(environment),
      observe,
    });
    const target = new Repository(client, backup, 'pull,push');
    return {
      backup,
      target,
      signal,
      platforms: source.digest === undefined ? platforms : [],
      graphCopy: () => ({ target, limit, signal, mounts: { memory, place: backup } }),
      credential: async () => credential,
      close: () => client.close(),
    };
  };
}
