import type { Cloning } from '../admission/cloning.ts';
import type { Settings } from '../config/configuration.ts';
import { type Environment, processEnvironment } from '../config/process-environment.ts';
import type { ObserveCopy } from '../copy/event.ts';
import type { WatchCopy } from '../copy/layer-progress.ts';
import type { Origin } from '../copy/origin.ts';
import { chain } from '../credentials/chain.ts';
import type { FindCredentials } from '../credentials/credential.ts';
import { RegistryAuth } from '../credentials/registry-auth.ts';
import type { Reference } from '../image/reference.ts';
import type { Naming } from '../plan/naming.ts';
import { proxyFrom } from '../registry/proxy.ts';
import type { Logger } from '../telemetry/logger.ts';
import type { Metrics } from '../telemetry/metrics.ts';
import { LiveJudgement } from './live-judgement.ts';
import { namingOf } from './naming.ts';
import { observeAdmission } from './observe-admission.ts';
import { observeCopy } from './observe-copy.ts';
import { observeCredentials } from './observe-credentials.ts';
import { observeRegistry } from './observe-registry.ts';
import { openLeases } from './open-leases.ts';
import { openPlatforms, type Platforms } from './open-platforms.ts';
import { openTenants } from './open-tenants.ts';
import { type OpenedOrigin, openOrigins, originsOf } from './origins.ts';
import { openRegistries, type Registries } from './registries.ts';
import { sourceCredentials } from './source-credentials.ts';

export interface ComposeParts {
  readonly settings: Settings;
  readonly log: Logger;
  readonly metrics: Metrics;
  /** For proxies, and for programs that are asked for credentials. @default the environment of the process */
  readonly environment?: Environment | undefined;
  /** Who follows the copies beside log and metrics. @default nobody */
  readonly audience?: { readonly observe: ObserveCopy; readonly watch?: WatchCopy | undefined } | undefined;
}

/** The judgement and the copy engine behind the webhook. */
export interface Composition {
  readonly cloning: Cloning;
  /** Takes over rules and kinds of a configuration that is read again; a bad one is told and changes nothing. */
  readonly refresh: (load: () => Promise<Settings>) => Promise<void>;
  /**
   * Waits for the copies under way, and lets go of everything. Those that still run when the signal aborts are broken off:
   * no upload is left open.
   */
  readonly settle: (signal: AbortSignal) => Promise<void>;
  /** Places beside the sources that may hold an image. */
  readonly origins: readonly Origin[];
  /** Is an image at its source? Rejects with what the source says otherwise. */
  readonly askSource: (source: Reference, signal: AbortSignal) => Promise<void>;
}

/**
 * Puts the rooms together: credentials → where copies live → registries → copies → what admission works with.
 * @throws ConfigError, InvalidPrefixError, CredentialError
 */
export async function compose({
  settings,
  log,
  metrics,
  environment = processEnvironment(),
  audience,
}: ComposeParts): Promise<Composition> {
  const observe = observeCredentials(log);
  const auth = new RegistryAuth({ dir: settings.registry.authDir, observe });
  const naming = await namingOf(settings, auth);
  const judgement = new LiveJudgement({ settings, naming, log });
  const platforms = await openPlatforms(settings, log);
  const parts = { settings, log, metrics, environment, audience, platforms, observe };
  const { registries, nodes } = await openAll(parts, auth, naming);
  const { copier, sourceAs } = registries;
  metrics.watchCopies(() => copier.inProgress);
  return {
    cloning: {
      copies: copier,
      tenantOf: await openTenants({ access: settings.access, sourceAs, observe }),
      get judgement() {
        return judgement.current;
      },
      settings: { ...settings.copy, pin: settings.tags.pin },
      observe: observeAdmission(log, metrics),
    },
    refresh: (load) => judgement.refresh(load),
    settle: (signal) => {
      platforms.stop();
      return settle(registries, nodes, signal);
    },
    origins: nodes.map(({ origin }) => origin),
    askSource: (source, signal) => registries.askSource(source, signal),
  };
}

interface AllParts extends ComposeParts {
  readonly environment: Environment;
  readonly platforms: Platforms;
  readonly observe: ReturnType<typeof observeCredentials>;
}

/** Both registries, and the places beside the sources. */
async function openAll(
  { settings, log, metrics, environment, audience, platforms, observe }: AllParts,
  auth: RegistryAuth,
  { prefix: { host, path } }: Naming,
): Promise<{ readonly registries: Registries; readonly nodes: readonly OpenedOrigin[] }> {
  const ofSources = await sourceCredentials(settings.sources, { environment, observe });
  const nodes = await openOrigins({ settings, log, platforms: platforms.current });
  const credentials = {
    // The password of the operator serves the copies, and nothing that lies beside them.
    target: auth.findFor({ host, ...(path !== '' && { path }) }),
    source: chain([...ofSources, elsewhere(host, auth.findFor({ host }))], observe),
  };
  const registries = openRegistries({
    settings,
    backupHost: host,
    findProxy: proxyFrom(environment),
    findBackupCredentials: credentials.target,
    findSourceCredentials: credentials.source,
    leases: settings.copy.lease ? await openLeases({ environment, log }) : undefined,
    platforms: platforms.current,
    origins: originsOf(nodes, settings.copy.engine, credentials),
    observe: heardBy(observeCopy(log, metrics), audience?.observe),
    watch: audience?.watch,
    observeRegistry: observeRegistry(log, metrics),
  });
  return { registries, nodes };
}

/**
 * Users choose the source. With the credentials of the backup registry they could have any private image beside the
 * copies copied for them; those for other registries were mounted to read sources with. What the settings name for
 * sources is for sources, wherever they are.
 */
function elsewhere(backupHost: string, find: FindCredentials): FindCredentials {
  return async (repository) => (repository.host === backupHost ? [] : find(repository));
}

function heardBy(one: ObserveCopy, other: ObserveCopy | undefined): ObserveCopy {
  if (other === undefined) return one;
  return (event) => {
    one(event);
    other(event);
  };
}

async function settle(
  registries: Registries,
  nodes: readonly OpenedOrigin[],
  signal: AbortSignal,
): Promise<void> {
  await Promise.race([registries.copier.settled(), aborted(signal)]);
  await registries.copier.stop();
  await Promise.all([registries.close(), ...nodes.map(({ close }) => close())]);
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    signal.addEventListener('abort', () => resolve(), { once: true });
  });
}
