import { RegistryError, type RegistryErrorCode } from './registry-error.ts';

/** What is found out about a host counts for so long, unless it answers before. */
const BELIEVED_MS = 60_000;

/** Nothing came back. */
const OUT_OF_REACH: ReadonlySet<RegistryErrorCode> = new Set(['UNREACHABLE', 'TIMEOUT']);

export function isOutOfReach(error: unknown): boolean {
  return error instanceof RegistryError && OUT_OF_REACH.has(error.code);
}

/**
 * Whether a host was out of reach a moment ago, for all the tries of some request. The next ones then have one try each:
 * who has another place to ask, or a pod to let start, should not wait as long again for every image.
 */
export class Outage {
  #endsAt = 0;

  get isOn(): boolean {
    return performance.now() < this.#endsAt;
  }

  begin(): void {
    this.#endsAt = performance.now() + BELIEVED_MS;
  }

  end(): void {
    this.#endsAt = 0;
  }
}
