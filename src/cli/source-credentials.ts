import { ConfigError } from '../config/config-error.ts';
import type { Settings } from '../config/configuration.ts';
import { readTree } from '../config/file.ts';
import type { Environment } from '../config/process-environment.ts';
import type { FindCredentials } from '../credentials/credential.ts';
import { CredentialError } from '../credentials/credential-error.ts';
import { credentialProviders } from '../credentials/credential-provider.ts';
import {
  type CredentialProviderConfig,
  readCredentialProviderConfig,
} from '../credentials/credential-provider-config.ts';
import { withDeadline } from '../credentials/deadline.ts';
import { dockerConfigFile } from '../credentials/docker-config-file.ts';
import type { ObserveCredentials } from '../credentials/event.ts';
import { registryFolder } from '../credentials/registry-folder.ts';

export interface SourceCredentialsParts {
  /** What programs get that are asked for credentials. */
  readonly environment: Environment;
  readonly observe: ObserveCredentials;
}

type Sources = Pick<
  Settings['sources'],
  'authDir' | 'dockerConfig' | 'credentialHelpers' | 'credentialProviders'
>;

/**
 * Longest wait of one request for one place: a helper may take 30 s and a plugin of the kubelet 60 s, and meanwhile a
 * copy would hold its place in the queue. They go on; the next request has their answer.
 */
const DEADLINE_MS = 20_000;

/**
 * The places that the settings name for credentials of sources, in the order in which they are tried.
 * @throws ConfigError when the file of the credential providers cannot be used
 */
export async function sourceCredentials(
  sources: Sources,
  parts: SourceCredentialsParts,
): Promise<readonly FindCredentials[]> {
  const found = [
    ...folderOf(sources, parts),
    ...dockerConfigOf(sources, parts),
    ...(await providersOf(sources, parts)),
  ];
  return found.map(({ place, find }) => withDeadline(find, { place, milliseconds: DEADLINE_MS }));
}

/** Where credentials are, or none. */
type Found = readonly { readonly place: string; readonly find: FindCredentials }[];

function folderOf({ authDir }: Sources, { observe }: SourceCredentialsParts): Found {
  return authDir === undefined ? [] : [{ place: authDir, find: registryFolder({ dir: authDir, observe }) }];
}

function dockerConfigOf(
  { dockerConfig: path, credentialHelpers }: Sources,
  { environment, observe }: SourceCredentialsParts,
): Found {
  if (path === undefined) return [];
  const helpers = credentialHelpers ? { environment } : undefined;
  return [{ place: path, find: dockerConfigFile({ path, helpers, observe }) }];
}

async function providersOf(
  { credentialProviders: { config, binDir } }: Sources,
  { environment, observe }: SourceCredentialsParts,
): Promise<Found> {
  if (config === undefined) return [];
  const providers = await readProviders(config);
  return [{ place: binDir, find: credentialProviders({ providers, binDir, environment, observe }) }];
}

async function readProviders(file: string): Promise<readonly CredentialProviderConfig[]> {
  const tree = await readTree(file);
  try {
    return readCredentialProviderConfig(tree, file);
  } catch (cause) {
    if (!(cause instanceof CredentialError)) throw cause;
    throw new ConfigError([{ at: 'sources.credentialProviders.config', what: cause.message }], { cause });
  }
}
