import { DockerError } from './docker-error.ts';

/** A daemon may take half a minute to find that it cannot reach a registry, or does not trust it. */
const REMEMBERED_MS = 10 * 60_000;

/** Registries that a daemon could not reach a while ago, and need not try to reach now. */
export class UnreachableHosts {
  readonly #until = new Map<string, number>();
  readonly #now: () => number;

  /** @param now in milliseconds */
  constructor(now: () => number = () => performance.now()) {
    this.#now = now;
  }

  /** @throws DockerError `REGISTRY_UNREACHABLE` */
  refuse(host: string, operation: string): void {
    if (this.#now() >= (this.#until.get(host) ?? 0)) return;
    throw new DockerError(`it could not reach ${host} a while ago`, {
      code: 'REGISTRY_UNREACHABLE',
      operation,
    });
  }

  /** What a push failed with. */
  note(host: string, error: unknown): void {
    if (error instanceof DockerError && error.code === 'REGISTRY_UNREACHABLE')
      this.#until.set(host, this.#now() + REMEMBERED_MS);
  }
}
