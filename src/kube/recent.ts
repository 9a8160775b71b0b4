interface Entry<Value> {
  readonly value: Promise<Value>;
  readonly until: number;
}

export interface RecentOptions {
  /** How long an answer counts, in milliseconds. */
  readonly holdMs: number;
  /** How long a fault does: what is granted or made now should count soon. */
  readonly holdFaultMs: number;
  /** Answers kept; the oldest go first. */
  readonly most: number;
}

/** Answers of a moment ago, those under way included: the same is never asked twice at once. */
export class Recent<Value> {
  readonly #options: RecentOptions;
  readonly #entries = new Map<string, Entry<Value>>();

  constructor(options: RecentOptions) {
    this.#options = options;
  }

  get(key: string, ask: () => Promise<Value>): Promise<Value> {
    const known = this.#entries.get(key);
    if (known !== undefined && performance.now() < known.until) return known.value;
    const value = ask();
    this.#keep(key, value, this.#options.holdMs);
    value.catch(() => {
      if (this.#entries.get(key)?.value === value) this.#keep(key, value, this.#options.holdFaultMs);
    });
    return value;
  }

  #keep(key: string, value: Promise<Value>, holdMs: number): void {
    this.#entries.delete(key);
    this.#entries.set(key, { value, until: performance.now() + holdMs });
    // A map gives its keys in the order they came in, so the oldest goes.
    for (const oldest of this.#entries.keys()) {
      if (this.#entries.size <= this.#options.most) return;
      this.#entries.delete(oldest);
    }
  }
}
