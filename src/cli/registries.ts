import type { Settings } from '../config/configuration.ts';
import { Copier } from '../copy/copier.ts';
import type { ObserveCopy } from '../copy/event.ts';
import type { WatchCopy } from '../copy/layer-progress.ts';
import type { Leases } from '../copy/lease.ts';
import type { Origins } from '../copy/origin.ts';
import type { Source } from '../copy/target.ts';
import type { Platform } from '../image/platform.ts';
import { identifierOf, type Reference } from '../image/reference.ts';
import type { Identity } from '../registry/authorizer.ts';
import { Client } from '../registry/client.ts';
import type { FindCredentials } from '../registry/credential.ts';
import type { ObserveRegistry } from '../registry/event.ts';
import { type FindHostCertificates, hostCertificatesIn } from '../registry/host-certificates.ts';
import type { FindProxy } from '../registry/proxy.ts';
import { Repository } from '../registry/repository.ts';

export interface RegistriesOptions {
  readonly settings: Pick<Settings, 'registry' | 'sources' | 'copy' | 'tags' | 'access' | 'certsDir'>;
  /** Host of the backup registry. */
  readonly backupHost: string;
  /** Default: every host is reached directly. */
  readonly findProxy?: FindProxy;
  readonly findBackupCredentials: FindCredentials;
  readonly findSourceCredentials: FindCredentials;
  /** Default: there is no other replica. */
  readonly leases?: Leases | undefined;
  /** Places beside the sources. Default: there are none. */
  readonly origins?: Origins | undefined;
  /** As in `CopierOptions`. */
  readonly platforms: () => readonly Platform[];
  readonly observe: ObserveCopy;
  /** As in `CopierOptions`. */
  readonly watch?: WatchCopy | undefined;
  /** What registries tell beside their answers. */
  readonly observeRegistry: ObserveRegistry;
}

/** The copy engine with the two registry clients below it. */
export interface Registries {
  readonly copier: Copier;
  /** Reads a source as somebody with credentials of his own. */
  readonly sourceAs: (source: Reference, identity: Identity) => Source;
  /** @throws RegistryError when the image is not at its source, or cannot be asked for */
  askSource(source: Reference, signal: AbortSignal): Promise<void>;
  close(): Promise<void>;
}

/** Docker Hub counts manifests that are fetched, and tells nobody else's limits (its "Pull usage and limits"). */
export const COUNTS_PULLS: ReadonlySet<string> = new Set(['docker.io']);

/**
 * Two clients, because the two sides are trusted differently: the operator chose the backup registry, wherever it is,
 * and tenants choose the sources. Nothing learned or logged in to on one side is used on the other.
 */
export function openRegistries(options: RegistriesOptions): Registries {
  const { copy, access } = options.settings;
  const sourceClient = openSourceClient(options);
  const targetClient = openTargetClient(options);
  const copier = new Copier({
    sourceOf: (source: Reference) => {
      const repository = new Repository(sourceClient, source, 'pull');
      return {
        source: repository,
        countsPulls: COUNTS_PULLS.has(source.host),
        heldBack: (signal) => repository.heldBack(signal),
      };
    },
    targetOf: (backup: Reference) => new Repository(targetClient, backup, 'pull,push'),
    leases: options.leases,
    origins: options.origins,
    observe: options.observe,
    watch: options.watch,
    platforms: options.platforms,
    moved: options.settings.tags.moved,
    referrers: copy.referrers,
    concurrency: copy.concurrency,
    concurrencyPerHost: options.settings.sources.concurrency,
    sourceCheckMs: copy.sourceCheckSeconds * 1000,
    freshMs: copy.freshSeconds * 1000,
    timeoutMs: copy.timeoutSeconds * 1000,
    rememberMs: access.rememberSeconds * 1000,
  });
  return {
    copier,
    sourceAs: (source, identity) => new Repository(sourceClient, source, 'pull', identity),
    askSource: async (source, signal) => {
      await new Repository(sourceClient, source, 'pull').resolve(identifierOf(source), signal);
    },
    close: async () => {
      await Promise.all([sourceClient.close(), targetClient.close()]);
    },
  };
}

/** Users lead it where they like. */
function openSourceClient({ settings, backupHost, ...options }: RegistriesOptions): Client {
  const { sources } = settings;
  const internal = new Set([...sources.internal, ...sources.plainHttp].map(hostnameOf));
  const plain = new Set(sources.plainHttp);
  const findCertificates = certificatesOf(settings);
  return new Client({
    findCredentials: options.findSourceCredentials,
    speaksPlainHttp: (host) => plain.has(host),
    mayBeInternal: (hostname) => internal.has(hostname),
    findCertificates: findCertificates && withoutIdentity(findCertificates, backupHost),
    observe: options.observeRegistry,
    findProxy: options.findProxy,
  });
}

function openTargetClient({ settings, backupHost, ...options }: RegistriesOptions): Client {
  return new Client({
    findCredentials: options.findBackupCredentials,
    speaksPlainHttp: (host) => settings.registry.plainHttp && host === backupHost,
    mayBeInternal: () => true,
    findCertificates: certificatesOf(settings),
    observe: options.observeRegistry,
    findProxy: options.findProxy,
  });
}

function certificatesOf({ certsDir }: RegistriesOptions['settings']): FindHostCertificates | undefined {
  return certsDir === undefined ? undefined : hostCertificatesIn(certsDir);
}

/** As with passwords: a source beside the copies is not read as the one who may write them. */
function withoutIdentity(find: FindHostCertificates, backupHost: string): FindHostCertificates {
  const { host: backup } = new URL(`https://${backupHost}`);
  return async (host) => {
    const found = await find(host);
    return found === undefined || host !== backup ? found : { authorities: found.authorities };
  };
}

/** Without port and brackets: what a name is looked up by. */
function hostnameOf(host: string): string {
  return host.replace(/:\d+$/, '').replace(/^\[|\]$/g, '');
}
