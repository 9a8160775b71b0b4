import { AnswerCache, type FreshAnswer } from './answer-cache.ts';
import type { Clock } from './clock.ts';
import { credentialOf } from './credential.ts';
import { CredentialError } from './credential-error.ts';
import type { Found } from './found.ts';
import { type Environment, type ProgramResult, runProgram } from './program.ts';
import { parseJsonObject } from './text-file.ts';

export interface CredentialHelperOptions {
  /** What the helpers get; they are found on its `PATH`. */
  readonly environment: Environment;
  /** Default `HELPER_TIMEOUT_MS`. */
  readonly timeoutMs?: number;
  readonly now?: Clock | undefined;
}

/** Helpers of clouds ask a server for a token, which takes seconds at worst; Docker itself waits for ever. */
const HELPER_TIMEOUT_MS = 30_000;
/** Long enough for the many requests of one copy, short enough that a new login counts soon. */
const KEPT_MS = 30_000;
/** A helper that fails is not started again for each request. */
const FAULT_KEPT_MS = 5000;

/** What becomes part of a program's name: no separators, so that only the `PATH` decides where it is. */
const NAME = /^[A-Za-z0-9][\w.-]*$/;
/** How helpers say "none", on standard output with a status that is not 0 (docker-credential-helpers, `credentials/error.go`). */
const NOT_FOUND = /^\s*credentials not found\b/i;

/** Asks `docker-credential-NAME get`, the protocol of docker-credential-helpers. */
export class CredentialHelpers {
  readonly #options: CredentialHelperOptions;
  readonly #answers: AnswerCache<readonly Found[]>;

  constructor(options: CredentialHelperOptions) {
    this.#options = options;
    this.#answers = new AnswerCache(options.now);
  }

  /**
   * What a helper holds for a server: nothing, a credential, or a fault.
   * @param server as Docker calls it: host with port, or Docker Hub's URL
   */
  get(name: string, server: string): Promise<readonly Found[]> {
    const question = JSON.stringify([name, server]);
    return this.#answers.get([question], () => this.#ask(name, server, question));
  }

  async #ask(name: string, server: string, key: string): Promise<FreshAnswer<readonly Found[]>> {
    try {
      return { value: await this.#run(name, server), key, holdMs: KEPT_MS };
    } catch (error) {
      if (!(error instanceof CredentialError)) throw error;
      return { value: [error], key, holdMs: FAULT_KEPT_MS };
    }
  }

  async #run(name: string, server: string): Promise<readonly Found[]> {
    const file = `docker-credential-${name}`;
    if (!NAME.test(name))
      throw new CredentialError(file, 'wanted a name of letters, digits, "_", "." and "-"');
    const { environment, timeoutMs = HELPER_TIMEOUT_MS } = this.#options;
    const result = await runProgram({ file, args: ['get'], environment, timeoutMs }, server);
    return readResult(result, file);
  }
}

function readResult({ status, output }: ProgramResult, file: string): readonly Found[] {
  if (status !== 0) {
    if (NOT_FOUND.test(output)) return [];
    throw new CredentialError(file, `wanted exit status 0, got ${status}`, { retriable: true });
  }
  const { Username = '', Secret = '' } = parseJsonObject(output, file);
  if (typeof Username !== 'string' || typeof Secret !== 'string')
    throw new CredentialError(file, 'wanted text in "Username" and "Secret" of the answer');
  const credential = credentialOf(Username, Secret);
  return credential === undefined ? [] : [credential];
}
