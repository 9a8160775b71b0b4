import { DOCKER_HUB } from '../image/reference.ts';
import type { Repository } from './credential.ts';
import { HUB_ALIASES } from './docker-hub.ts';
import type { Found } from './found.ts';
import { formatMatchImage, type MatchImage, matchesImage, parseMatchImage } from './match-image.ts';

export interface KeyringEntry {
  /** As Docker and Kubernetes write it: `reg.io`, `*.reg.io:5000/team`, `https://index.docker.io/v1/`. */
  readonly key: string;
  readonly found: Found;
}

interface Indexed {
  readonly key: string;
  readonly pattern: MatchImage;
  readonly found: Found;
}

/** Credentials by the repositories they are for, matched and ordered as the kubelet does (`BasicDockerKeyring`). */
export class Keyring {
  #entries: readonly Indexed[];

  constructor(entries: readonly KeyringEntry[]) {
    this.#entries = entries.flatMap(index).toSorted(reversed);
  }

  /** Several as one, ordered as if all had stood in one file (`UnionDockerKeyring` of the kubelet's pull secrets). */
  static of(keyrings: readonly Keyring[]): Keyring {
    const all = new Keyring([]);
    all.#entries = keyrings.flatMap((keyring) => keyring.#entries).toSorted(reversed);
    return all;
  }

  /** All that match, longer keys before shorter ones with the same beginning, plain ones before globs. */
  lookup(repository: Repository): readonly Found[] {
    const found = this.#entries.filter(({ pattern }) => matchesImage(pattern, repository));
    const hits = found.length === 0 && repository.host === DOCKER_HUB ? this.#hub() : found;
    return hits.map((entry) => entry.found);
  }

  /** Only when nothing bears the name `docker.io`: Docker's older names for it. */
  #hub(): readonly Indexed[] {
    return HUB_ALIASES.flatMap((alias) => this.#entries.filter(({ key }) => key === alias));
  }
}

function index({ key, found }: KeyringEntry): Indexed[] {
  const pattern = parseKey(key);
  return pattern === undefined ? [] : [{ key: formatMatchImage(pattern), pattern, found }];
}

/**
 * Reads a key of Docker's files: a pattern that may have a scheme, and `/v1/` or `/v2/`, which mean the whole host.
 * @returns undefined for what is no pattern
 */
export function parseKey(key: string): MatchImage | undefined {
  const pattern = parseMatchImage(key.replace(/^https?:\/\//, ''));
  if (pattern === undefined) return undefined;
  const path = pattern.path.replace(/^\/v[12]\//, '/');
  return { ...pattern, path: path === '/' ? '' : path };
}

function reversed(one: Indexed, other: Indexed): number {
  if (one.key === other.key) return 0;
  return one.key < other.key ? 1 : -1;
}
