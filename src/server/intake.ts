import type { IncomingMessage } from 'node:http';
import { readBody } from './body.ts';
import { Refusal } from './refusal.ts';

/** How much is taken in at once. */
export interface IntakeLimits {
  /** Bytes of one body. */
  readonly largestBody: number;
  /** Bytes of all bodies held at once. */
  readonly bytesAtOnce: number;
  /** Requests being answered at once. */
  readonly requestsAtOnce: number;
}

const MIB = 1024 * 1024;

export const INTAKE_LIMITS: IntakeLimits = {
  // An API server takes objects of 3 MiB, sends the old one (1.5 MiB) along, and escapes `<`, `>` and `&` to six bytes:
  // up to 28 MB arrive. A lower limit would let a tenant get past the webhook with a large object.
  largestBody: 32 * MIB,
  // Four of the largest, ten thousand ordinary ones. Read and parsed they take two to three times that.
  bytesAtOnce: 128 * MIB,
  // Three API servers that each change as many objects at once as they may (`--max-mutating-requests-inflight` 200).
  requestsAtOnce: 600,
};

/** The door: lets requests in while there is room, so that no number and no size of them can exhaust the memory. */
export class Intake {
  readonly #limits: IntakeLimits;
  #requests = 0;
  #bytes = 0;

  constructor(limits: IntakeLimits = INTAKE_LIMITS) {
    this.#limits = limits;
  }

  /** Requests that were let in and are not answered yet. */
  get requests(): number {
    return this.#requests;
  }

  /** Bytes that their bodies hold. */
  get bytes(): number {
    return this.#bytes;
  }

  /**
   * Reads the body and hands it to `use`; its bytes count until `use` is done.
   * @throws Refusal when there is no room (429) or the body is too large (413)
   * @throws DisconnectedError when the body ends early
   */
  async admit<Answer>(request: IncomingMessage, use: (body: Uint8Array) => Promise<Answer>): Promise<Answer> {
    if (this.#requests >= this.#limits.requestsAtOnce) throw Refusal.busy('too many are being answered');
    let held = 0;
    this.#requests += 1;
    try {
      const body = await readBody(request, this.#limits.largestBody, (count) => {
        this.#hold(count);
        held += count;
      });
      return await use(body);
    } finally {
      this.#requests -= 1;
      this.#bytes -= held;
    }
  }

  /** Counts what arrived, not what was announced: an announcement costs an attacker nothing. */
  #hold(count: number): void {
    if (this.#bytes + count > this.#limits.bytesAtOnce) throw Refusal.busy('too many bytes are being read');
    this.#bytes += count;
  }
}
