import type { Platform } from '../image/platform.ts';
import { formatPlatform } from '../image/platform.ts';
import type { ApiServer } from './api-server.ts';

export interface NodePlatformsOptions {
  readonly api: Pick<ApiServer, 'nodes'>;
  /** Told each time it is other than before: the platforms, or why they are not known. */
  readonly observe: (event: NodePlatformsEvent) => void;
}

export type NodePlatformsEvent =
  | { readonly type: 'platforms'; readonly platforms: readonly Platform[] }
  | { readonly type: 'unknown'; readonly error: Error };

/** The platforms that the nodes of the cluster run. */
export class NodePlatforms {
  readonly #options: NodePlatformsOptions;
  #current: readonly Platform[] = [];
  #told = '';

  constructor(options: NodePlatformsOptions) {
    this.#options = options;
  }

  /** Sorted, each once. None when they were never known, which means all. */
  get current(): readonly Platform[] {
    return this.#current;
  }

  /** Asks the API server. What it does not tell stays as it was. Never rejects. */
  async refresh(): Promise<void> {
    try {
      const platforms = await this.#read();
      if (platforms.length > 0) this.#current = platforms;
      this.#tell(platforms.map(formatPlatform).join(), { type: 'platforms', platforms });
    } catch (thrown) {
      const error = thrown instanceof Error ? thrown : new Error(String(thrown));
      this.#tell(error.message, { type: 'unknown', error });
    }
  }

  async #read(): Promise<readonly Platform[]> {
    const found = new Map<string, Platform>();
    for await (const { status } of this.#options.api.nodes()) {
      const { operatingSystem: os, architecture } = status?.nodeInfo ?? {};
      // The kubelet tells no variant; a wanted platform without one takes all of them.
      if (os && architecture) found.set(`${os}/${architecture}`, { os, architecture });
    }
    return [...found].toSorted(([one], [other]) => (one < other ? -1 : 1)).map(([, platform]) => platform);
  }

  #tell(word: string, event: NodePlatformsEvent): void {
    if (word === this.#told) return;
    this.#told = word;
    this.#options.observe(event);
  }
}
