import type { Credential } from './credential.ts';
import type { Actions } from './scope.ts';

/** A credential that was refused is tried again after this time: registries have bad minutes, too. */
const REFUSAL_REMEMBERED_MS = 5 * 60 * 1000;

const MOST_SCOPES = 4;

/** The credentials for one audience and the one in use. Reading goes on anonymously behind the last, writing ends. */
export class Candidates {
  readonly #list: readonly Credential[];
  readonly #last: number;
  readonly #since = performance.now();
  #index = 0;
  #scopes: readonly string[] = [];

  constructor(list: readonly Credential[], actions: Actions) {
    this.#list = list;
    this.#last = list.length - (actions === 'pull' ? 0 : 1);
  }

  get index(): number {
    return this.#index;
  }

  /** Undefined means anonymous. */
  get current(): Credential | undefined {
    return this.#list[this.#index];
  }

  /** Scopes that the registry asked for beside those we know of, newest first. */
  get scopes(): readonly string[] {
    return this.#scopes;
  }

  /** Forgets the oldest: a registry could ask for another one each time. */
  widen(scopes: readonly string[]): void {
    this.#scopes = [...scopes, ...this.#scopes].slice(0, MOST_SCOPES);
  }

  /** @returns false when there is no further one */
  next(): boolean {
    if (this.#index >= this.#last) return false;
    this.#index += 1;
    return true;
  }

  /** False when the credentials have changed, or when it is time to forget which of them were refused. */
  isGoodFor(list: readonly Credential[]): boolean {
    return (
      performance.now() - this.#since < REFUSAL_REMEMBERED_MS &&
      JSON.stringify(this.#list) === JSON.stringify(list)
    );
  }
}
