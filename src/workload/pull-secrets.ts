import { isRecord } from '../image/descriptor.ts';
import { BUILT_IN_KINDS, type Kinds } from './kinds.ts';
import { findPodSpec } from './pod-spec.ts';
import { serviceAccountOf } from './service-account.ts';

/** What a pod may pull its images with: names within its namespace. */
export interface PullSecrets {
  /** Secrets, in the order in which they are tried. */
  readonly names: readonly string[];
  /** The account has further ones, which a template does not show. Undefined where no pods are described. */
  readonly serviceAccount?: string;
}

/** More than anybody has: each costs a request, and who creates a pod writes them. */
const MOST_SECRETS = 16;

/** A Secret's name is a DNS subdomain (RFC 1123). */
const NAME = /^(?=.{1,253}$)[a-z0-9](?:[a-z0-9-]*[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]*[a-z0-9])?)*$/;

/** Reads `imagePullSecrets` (core/v1 PodSpec) of any workload. Never throws; what can be no name is left out. */
export function pullSecretsOf(object: unknown, kinds: Kinds = BUILT_IN_KINDS): PullSecrets {
  const account = serviceAccountOf(object, kinds);
  const listed = findPodSpec(object, kinds)?.spec['imagePullSecrets'];
  const names = secretNames(listed).slice(0, MOST_SECRETS);
  return { names, ...(account !== undefined && NAME.test(account) && { serviceAccount: account }) };
}

/** The names in a list of references to Secrets (core/v1 LocalObjectReference), each once. */
export function secretNames(list: unknown): readonly string[] {
  if (!Array.isArray(list)) return [];
  const names = list.flatMap((entry: unknown) => (isRecord(entry) ? [entry['name']] : []));
  return [...new Set(names)].filter((name) => typeof name === 'string' && NAME.test(name)).map(String);
}
