import type { Held, HeldImage, Origin, TransferOptions } from '../../src/copy/origin.ts';
import { formatReference, type Reference } from '../../src/image/reference.ts';

/** What a node holds under a name; a test may let it fail. */
export type Holding = (
  source: Reference,
  signal: AbortSignal,
) => Held | undefined | Promise<Held | undefined>;

export interface FakeOriginOptions {
  readonly name?: string;
  readonly holds?: Holding;
  readonly pull?: (source: Reference, options: TransferOptions) => Promise<void>;
  readonly list?: readonly HeldImage[];
}

/** A place beside the source that gives what a test puts there, and remembers what it was asked for. */
export class FakeOrigin implements Origin {
  readonly name: string;
  /** In order: `find`, `pull`, `close` with the image. */
  readonly calls: string[] = [];
  readonly pull?: NonNullable<Origin['pull']>;
  readonly list: NonNullable<Origin['list']>;
  readonly #holds: Holding;

  constructor({ name = 'node', holds = () => undefined, pull, list = [] }: FakeOriginOptions = {}) {
    this.name = name;
    this.#holds = holds;
    this.list = async () => list;
    if (pull !== undefined)
      this.pull = async (source, options) => {
        this.calls.push(`pull ${formatReference(source)}`);
        await pull(source, options);
      };
  }

  async find(source: Reference, signal: AbortSignal): Promise<Held | undefined> {
    this.calls.push(`find ${formatReference(source)}`);
    const held = await this.#holds(source, signal);
    if (held === undefined) return undefined;
    return {
      ...held,
      close: async () => {
        this.calls.push(`close ${formatReference(source)}`);
        await held.close?.();
      },
    };
  }
}
