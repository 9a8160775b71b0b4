import { join } from 'node:path';
import { AnswerCache, type FreshAnswer } from './answer-cache.ts';
import type { Clock } from './clock.ts';
import type { FindCredentials, Repository } from './credential.ts';
import { CredentialError } from './credential-error.ts';
import type { CredentialProviderConfig } from './credential-provider-config.ts';
import {
  type CredentialProviderResponse,
  parseCredentialProviderResponse,
} from './credential-provider-response.ts';
import type { ObserveCredentials } from './event.ts';
import { usable } from './found.ts';
import { Keyring, type KeyringEntry } from './keyring.ts';
import { matchesImage, parseMatchImage } from './match-image.ts';
import { type Environment, runProgram } from './program.ts';
import { sparingly } from './sparing-observer.ts';

export interface CredentialProviderOptions {
  /** In the order of the configuration file. */
  readonly providers: readonly CredentialProviderConfig[];
  /** The folder that holds the programs (the kubelet's `--image-credential-provider-bin-dir`). */
  readonly binDir: string;
  /** Ours, which each program gets with the variables of its configuration on top. */
  readonly environment: Environment;
  /** Default `PLUGIN_TIMEOUT_MS`. */
  readonly timeoutMs?: number;
  readonly now?: Clock | undefined;
  readonly observe?: ObserveCredentials | undefined;
}

/** The kubelet's own limit for every plugin. */
const PLUGIN_TIMEOUT_MS = 60_000;
/**
 * An answer that must not be cached serves the requests of one copy, as it serves the one pull of the kubelet; and a
 * plugin that fails is not started again for each request.
 */
const BRIEFLY_KEPT_MS = 5000;

/** What a plugin had to say about an image: entries for many images, or the fault in place of an answer. */
interface Answer {
  readonly entries: readonly KeyringEntry[];
  readonly faults: readonly CredentialError[];
}

/**
 * The kubelet's credential provider plugins: clouds give out registry tokens through them. All plugins whose
 * `matchImages` fit are asked; their answers make up one keyring, in which earlier plugins come first.
 */
export function credentialProviders(options: CredentialProviderOptions): FindCredentials {
  const plugins = options.providers.map((config) => new Plugin(config, options));
  const observe = sparingly(options.observe, options.now);
  return async (repository) => {
    const asked = plugins.filter((plugin) => plugin.serves(repository));
    const answers = await Promise.all(asked.map((plugin) => plugin.ask(repository)));
    const keyring = new Keyring(answers.flatMap(({ entries }) => entries));
    const faults = answers.flatMap((answer) => answer.faults);
    return usable([...keyring.lookup(repository), ...faults], observe);
  };
}

class Plugin {
  readonly #config: CredentialProviderConfig;
  readonly #options: CredentialProviderOptions;
  readonly #answers: AnswerCache<Answer>;

  constructor(config: CredentialProviderConfig, options: CredentialProviderOptions) {
    this.#config = config;
    this.#options = options;
    this.#answers = new AnswerCache(options.now);
  }

  serves(repository: Repository): boolean {
    return this.#config.matchImages
      .map((text) => parseMatchImage(text))
      .some((pattern) => pattern !== undefined && matchesImage(pattern, repository));
  }

  ask(repository: Repository): Promise<Answer> {
    const { image, registry, global } = cacheKeys(repository);
    return this.#answers.get([image, registry, global], () => this.#fresh(repository));
  }

  async #fresh(repository: Repository): Promise<FreshAnswer<Answer>> {
    try {
      return this.#judge(await this.#run(repository), repository);
    } catch (error) {
      if (!(error instanceof CredentialError)) throw error;
      return briefly({ entries: [], faults: [error] }, repository);
    }
  }

  #judge(response: CredentialProviderResponse, repository: Repository): FreshAnswer<Answer> {
    const value = { entries: response.auth, faults: [] };
    const holdMs = response.cacheMs ?? this.#config.defaultCacheMs;
    if (holdMs === 0) return briefly(value, repository);
    return { value, key: keyFor(response.cacheKeyType, repository), holdMs };
  }

  async #run({ host, path }: Repository): Promise<CredentialProviderResponse> {
    const { name, args, env, apiVersion } = this.#config;
    const { binDir, environment, timeoutMs = PLUGIN_TIMEOUT_MS } = this.#options;
    const file = join(binDir, name);
    const request = { apiVersion, kind: 'CredentialProviderRequest', image: `${host}/${path}` };
    const program = { file, args, environment: { ...environment, ...env }, timeoutMs };
    const { status, output } = await runProgram(program, JSON.stringify(request));
    if (status !== 0)
      throw new CredentialError(file, `wanted exit status 0, got ${status}`, { retriable: true });
    return parseCredentialProviderResponse(output, file);
  }
}

function cacheKeys({ host, path }: Repository): { image: string; registry: string; global: string } {
  return { image: `image ${host}/${path}`, registry: `registry ${host}`, global: 'global' };
}

function keyFor(type: CredentialProviderResponse['cacheKeyType'], repository: Repository): string {
  const { image, registry, global } = cacheKeys(repository);
  return { Image: image, Registry: registry, Global: global }[type];
}

function briefly(value: Answer, repository: Repository): FreshAnswer<Answer> {
  return { value, key: cacheKeys(repository).image, holdMs: BRIEFLY_KEPT_MS };
}
