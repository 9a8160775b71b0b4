import { isRecord } from '../image/descriptor.ts';
import { CredentialError } from './credential-error.ts';
import { parseDuration } from './duration.ts';
import { PROVIDER_API_VERSION, type ProviderApiVersion, readApiVersion } from './provider-api-version.ts';

/** One program that the kubelet would ask for credentials (`CredentialProvider`, kubelet.config.k8s.io/v1). */
export interface CredentialProviderConfig {
  /** The program's file name in the folder of plugins. */
  readonly name: string;
  /** Patterns of the images it is asked about. */
  readonly matchImages: readonly string[];
  readonly defaultCacheMs: number;
  /** The version of the exec protocol it speaks. */
  readonly apiVersion: ProviderApiVersion;
  readonly args: readonly string[];
  /** Variables on top of our own environment. */
  readonly env: Readonly<Record<string, string>>;
}

const CONFIG_API_VERSION = /^kubelet\.config\.k8s\.io\/v1(?:beta1|alpha1)?$/;
/** The kubelet's rule: the program lies in the folder itself. */
const PROVIDER_NAME = /^(?!\.\.?$)[^/\s\0]+$/;

/**
 * Reads a `CredentialProviderConfig`, the file behind the kubelet's `--image-credential-provider-config`.
 * @param value the file's YAML or JSON, parsed
 * @param place the file, for errors
 * @throws CredentialError that names every fault
 */
export function readCredentialProviderConfig(
  value: unknown,
  place: string,
): readonly CredentialProviderConfig[] {
  const faults: string[] = [];
  const providers = readProviders(value, faults);
  if (faults.length > 0) throw new CredentialError(place, faults.join('; '));
  return providers;
}

function readProviders(value: unknown, faults: string[]): CredentialProviderConfig[] {
  const { apiVersion, kind, providers } = isRecord(value) ? value : {};
  if (kind !== 'CredentialProviderConfig') faults.push('kind: wanted "CredentialProviderConfig"');
  if (typeof apiVersion !== 'string' || !CONFIG_API_VERSION.test(apiVersion))
    faults.push('apiVersion: wanted "kubelet.config.k8s.io/v1"');
  if (!Array.isArray(providers) || providers.length === 0) {
    faults.push('providers: wanted a list of at least one');
    return [];
  }
  const read = providers.map((provider, index) => readProvider(provider, `providers[${index}]`, faults));
  checkNames(read, faults);
  return read;
}

function checkNames(providers: readonly CredentialProviderConfig[], faults: string[]): void {
  const names = providers.map(({ name }) => name);
  const twice = names.findIndex((name, index) => names.indexOf(name) !== index);
  if (twice >= 0) faults.push(`providers[${twice}].name: wanted a name of its own`);
}

function readProvider(value: unknown, at: string, faults: string[]): CredentialProviderConfig {
  const fields = isRecord(value) ? value : {};
  const { name, matchImages, defaultCacheDuration, apiVersion, args, env } = fields;
  function check<T>(field: string, read: T | undefined, wanted: string, instead: T): T {
    if (read === undefined) faults.push(`${at}.${field}: wanted ${wanted}`);
    return read ?? instead;
  }
  if (needsToken(fields['tokenAttributes']))
    faults.push(`${at}.tokenAttributes: wanted none that require a service account: there is no pod here`);
  return {
    name: check('name', readName(name), 'a file name without "/" and spaces', at),
    matchImages: check('matchImages', readTexts(matchImages, 1), 'a list of at least one pattern', []),
    defaultCacheMs: check(
      'defaultCacheDuration',
      parseDuration(defaultCacheDuration),
      'a duration like "12h"',
      0,
    ),
    apiVersion: check(
      'apiVersion',
      readApiVersion(apiVersion),
      `"${PROVIDER_API_VERSION}"`,
      PROVIDER_API_VERSION,
    ),
    args: check('args', readTexts(args ?? [], 0), 'a list of texts', []),
    env: check('env', readEnv(env ?? []), 'a list of objects with "name" and "value"', {}),
  };
}

/** Without the requirement the kubelet runs the plugin without a token for pods that have none; so do we. */
function needsToken(attributes: unknown): boolean {
  return isRecord(attributes) && attributes['requireServiceAccount'] !== false;
}

function readName(value: unknown): string | undefined {
  return typeof value === 'string' && PROVIDER_NAME.test(value) ? value : undefined;
}

function readTexts(value: unknown, least: number): string[] | undefined {
  if (!Array.isArray(value) || value.length < least) return undefined;
  return value.every((one) => typeof one === 'string') ? value : undefined;
}

function readEnv(value: unknown): Record<string, string> | undefined {
  if (!Array.isArray(value)) return undefined;
  const pairs = value.map((one) => (isRecord(one) ? [one['name'], one['value'] ?? ''] : []));
  if (!pairs.every(isPair)) return undefined;
  return Object.fromEntries(pairs);
}

function isPair(pair: unknown[]): pair is [string, string] {
  return typeof pair[0] === 'string' && pair[0] !== '' && typeof pair[1] === 'string';
}
