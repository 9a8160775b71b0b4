import { type Clock, monotonic } from './clock.ts';

/** Tenants choose the image names that some answers are kept by; a cluster has fewer images at a time than this. */
const MOST_ANSWERS = 1024;

interface Answer<T> {
  readonly value: T;
  readonly until: number;
}

/** How a question was answered, and for how many milliseconds under which key that may be repeated. */
export interface FreshAnswer<T> {
  readonly value: T;
  readonly key: string;
  readonly holdMs: number;
}

/** Answers of programs, each kept as long as the program allows; the same question is never asked twice at once. */
export class AnswerCache<T> {
  readonly #now: Clock;
  readonly #answers = new Map<string, Answer<T>>();
  readonly #asking = new Map<string, Promise<T>>();

  constructor(now: Clock = monotonic) {
    this.#now = now;
  }

  /**
   * The answer kept under the first of the keys that has one, else a new one.
   * @param keys the first one also tells equal questions
   */
  async get(keys: readonly [string, ...string[]], ask: () => Promise<FreshAnswer<T>>): Promise<T> {
    const kept = keys.map((key) => this.#kept(key)).find((answer) => answer !== undefined);
    if (kept !== undefined) return kept.value;
    return this.#asking.get(keys[0]) ?? this.#start(keys[0], ask);
  }

  #kept(key: string): Answer<T> | undefined {
    const answer = this.#answers.get(key);
    return answer !== undefined && this.#now() < answer.until ? answer : undefined;
  }

  #start(question: string, ask: () => Promise<FreshAnswer<T>>): Promise<T> {
    const asking = this.#ask(ask).finally(() => this.#asking.delete(question));
    this.#asking.set(question, asking);
    return asking;
  }

  async #ask(ask: () => Promise<FreshAnswer<T>>): Promise<T> {
    const since = this.#now();
    const { value, key, holdMs } = await ask();
    this.#keep(key, { value, until: since + holdMs });
    return value;
  }

  #keep(key: string, answer: Answer<T>): void {
    this.#answers.delete(key);
    this.#answers.set(key, answer);
    // A map gives its keys in the order they came in, so the oldest answer goes.
    for (const oldest of this.#answers.keys()) {
      if (this.#answers.size <= MOST_ANSWERS) return;
      this.#answers.delete(oldest);
    }
  }
}
