/** What was learned of a registry: each fact is believed for an hour, because registries are upgraded. */
export interface Traits {
  /** A mount from the repository into itself answers 201 for a blob that is there, so no HEAD is needed. */
  readonly selfMount?: boolean;
  /** It mounts blobs from other repositories of its own. */
  readonly crossMount?: boolean;
  /** It answers range requests with 206. */
  readonly ranges?: boolean;
  /** It has the referrers API of OCI distribution 1.1. */
  readonly referrers?: boolean;
}

const BELIEVED_MS = 60 * 60 * 1000;

/** The traits of one registry host. */
export class TraitMemory {
  #traits: Traits = {};
  #learnedAt = 0;

  get(): Traits {
    if (performance.now() - this.#learnedAt > BELIEVED_MS) this.#traits = {};
    return this.#traits;
  }

  learn(traits: Traits): void {
    if (Object.keys(this.get()).length === 0) this.#learnedAt = performance.now();
    this.#traits = { ...this.#traits, ...traits };
  }
}
