import type { Cloning } from '../admission/cloning.ts';
import type { Settings } from '../config/configuration.ts';
import { type Environment, processEnvironment } from '../config/process-environment.ts';
import { hostUnder } from '../config/setting.ts';
import { chain } from '../credentials/chain.ts';
import type { FindCredentials } from '../credentials/credential.ts';
import { RegistryAuth } from '../credentials/registry-auth.ts';
import { defaultScheme, type Naming } from '../plan/naming.ts';
import { parsePrefix } from '../plan/prefix.ts';
import type { Logger } from '../telemetry/logger.ts';
import type { Metrics } from '../telemetry/metrics.ts';
import { BUILT_IN_KINDS } from '../workload/kinds.ts';
import { observeAdmission } from './observe-admission.ts';
import { observeCopy } from './observe-copy.ts';
import { observeCredentials } from './observe-credentials.ts';
import { openRegistries } from './registries.ts';
import { sourceCredentials } from './source-credentials.ts';

export interface ComposeParts {
  readonly settings: Pick<Settings, 'registry' | 'sources' | 'copy'>;
  readonly log: Logger;
  readonly metrics: Metrics;
  /** For programs that are asked for credentials. @default the environment of the process */
  readonly environment?: Environment | undefined;
}

/** The judgement and the copy engine behind the webhook. */
export interface Composition {
  readonly cloning: Cloning;
  /** Waits for the copies under way, or until the signal aborts; then lets go of everything. */
  readonly settle: (signal: AbortSignal) => Promise<void>;
}

/**
 * Puts the rooms together: credentials → where copies live → registries → copies → what admission works with.
 * @throws InvalidPrefixError, CredentialError
 */
export async function compose({
  settings,
  log,
  metrics,
  environment = processEnvironment(),
}: ComposeParts): Promise<Composition> {
  const observe = observeCredentials(log);
  const auth = new RegistryAuth({ dir: settings.registry.authDir, observe });
  const naming = await namingOf(settings.registry, auth);
  const { host, path } = naming.prefix;
  const ofSources = await sourceCredentials(settings.sources, { environment, observe });
  const registries = openRegistries({
    settings,
    backupHost: host,
    // The password of the operator serves the copies, and nothing that lies beside them.
    findBackupCredentials: auth.findFor({ host, ...(path !== '' && { path }) }),
    findSourceCredentials: chain([...ofSources, elsewhere(host, auth.findFor({ host }))], observe),
    observe: observeCopy(log, metrics),
  });
  const { copier } = registries;
  metrics.watchCopies(() => copier.inProgress);
  return {
    cloning: {
      copies: copier,
      judgement: { enabled: true, kinds: BUILT_IN_KINDS, rules: [], sources: settings.sources, naming },
      settings: settings.copy,
      observe: observeAdmission(log, metrics),
    },
    settle: async (signal) => {
      await Promise.race([copier.settled(), aborted(signal)]);
      await registries.close();
    },
  };
}

/** The user name is asked for only where the prefix needs it: with a path of its own it does not. */
async function namingOf(
  { prefix: registry, naming }: Settings['registry'],
  auth: RegistryAuth,
): Promise<Naming> {
  const user = registry?.includes('/') ? undefined : await auth.user(registry && hostUnder(registry));
  const prefix = parsePrefix(registry, user);
  return { prefix, scheme: naming ?? defaultScheme(prefix) };
}

/**
 * Users choose the source. With the credentials of the backup registry they could have any private image beside the
 * copies copied for them; those for other registries were mounted to read sources with. What the settings name for
 * sources is for sources, wherever they are.
 */
function elsewhere(backupHost: string, find: FindCredentials): FindCredentials {
  return async (repository) => (repository.host === backupHost ? [] : find(repository));
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    signal.addEventListener('abort', () => resolve(), { once: true });
  });
}
