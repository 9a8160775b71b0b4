import { asError, codeOf } from '../copy/copy-error.ts';
import type { HeldBehind, HeldImage } from '../copy/origin.ts';
import { RANKS, type Rank, rankOf } from '../copy/rank.ts';
import { formatReference, type Reference } from '../image/reference.ts';
import { type AgentAddress, formatAddress, type Resolve, resolveHost } from './addresses.ts';
import { AgentClient, type Identity } from './agent-client.ts';
import type { ObserveAgents } from './event.ts';
import type { Holding } from './holding.ts';

export interface AgentsOptions {
  readonly addresses: readonly AgentAddress[];
  /** Read for each question: certificates are replaced while this process runs. */
  readonly identity: () => Promise<Identity>;
  readonly observe: ObserveAgents;
  /** Default: the system's. */
  readonly resolve?: Resolve;
  /** Longest wait for the word of one agent, in milliseconds. Default: 5 s */
  readonly longestAnswerMs?: number;
}

/** Enough to ask a hundred nodes in a second or two, few enough not to be felt. */
const AT_ONCE = 8;
/** It answers from its node's memory and disk; one that is slower than this has other troubles. */
const LONGEST_ANSWER_MS = 5_000;

/** What says nothing of the backup registry, nor of the question. */
const OWN_FAULTS: ReadonlySet<string> = new Set([
  'UNREACHABLE',
  'UNTRUSTED',
  'TIMEOUT',
  'PROTOCOL',
  'BUSY',
  'NOT_HELD',
]);

interface Holder {
  readonly agent: AgentClient;
  readonly holding: Holding;
  readonly rank: Rank;
}

/** The agents of all nodes: another place that may hold an image. */
export class Agents {
  readonly name = 'agents';
  readonly #options: AgentsOptions;

  constructor(options: AgentsOptions) {
    this.#options = options;
  }

  /**
   * Asks a few at a time, and no more once one holds all of the image; else the one that comes nearest counts. Agents
   * that cannot be reached are told of and do not matter.
   */
  async find(source: Reference, signal: AbortSignal): Promise<HeldBehind | undefined> {
    const nearest = await this.#nearest(source, signal, []);
    return nearest && this.#behind(nearest, source, [nearest.agent.name]);
  }

  async #nearest(
    source: Reference,
    signal: AbortSignal,
    tried: readonly string[],
  ): Promise<Holder | undefined> {
    const holders: Holder[] = [];
    const enough = new AbortController();
    await this.#each(AbortSignal.any([signal, enough.signal]), async (agent, asked) => {
      if (tried.includes(agent.name)) return;
      const holding = await agent.find({ source }, asked);
      const rank = holding && rankOf({ ...holding, push: unused }, source.digest);
      if (holding === undefined || rank === undefined) return;
      holders.push({ agent, holding, rank });
      if (rank === 'same') enough.abort();
    });
    signal.throwIfAborted();
    const [nearest] = holders.toSorted((one, other) => RANKS.indexOf(one.rank) - RANKS.indexOf(other.rank));
    if (nearest !== undefined)
      this.#options.observe({ type: 'holder-found', address: nearest.agent.name, source });
    return nearest;
  }

  /** Where one agent fails to push by its own fault, another that holds as much may do better. */
  #behind({ agent, holding, rank }: Holder, source: Reference, tried: readonly string[]): HeldBehind {
    return {
      ...holding,
      push: async (backup, tag, options, signal) => {
        const { credential, onProgress } = options;
        const question = { source, backup, tag, ...(credential !== undefined && { credential }) };
        try {
          await agent.push(question, signal, onProgress);
        } catch (cause) {
          if (signal.aborted || !OWN_FAULTS.has(codeOf(cause) ?? '')) throw cause;
          this.#options.observe({ type: 'agent-failed', address: agent.name, error: asError(cause) });
          const next = await this.#nearest(source, signal, tried);
          if (next?.rank !== rank) throw cause;
          await this.#behind(next, source, [...tried, next.agent.name]).push(backup, tag, options, signal);
        }
      },
    };
  }

  /**
   * What the nodes hold, each name once: that of a node which has all of it, if there is one; without a digest where the
   * name does not stand for the same on all of them.
   */
  async list(signal: AbortSignal): Promise<readonly HeldImage[]> {
    const images = new Map<string, HeldImage>();
    await this.#each(signal, async (agent, asked) => {
      for (const image of await agent.list(asked)) {
        const name = formatReference(image.reference);
        images.set(name, joined(images.get(name), image));
      }
    });
    return [...images.values()];
  }

  async #each(
    signal: AbortSignal,
    ask: (agent: AgentClient, signal: AbortSignal) => Promise<void>,
  ): Promise<void> {
    const agents = (await this.#agents()).values();
    const { longestAnswerMs = LONGEST_ANSWER_MS, observe } = this.#options;
    function tell({ name: address }: AgentClient, cause: unknown): void {
      if (!signal.aborted) observe({ type: 'agent-failed', address, error: asError(cause) });
    }
    async function work(): Promise<void> {
      for (const agent of agents) {
        if (signal.aborted) return;
        try {
          await ask(agent, AbortSignal.any([signal, AbortSignal.timeout(longestAnswerMs)]));
        } catch (cause) {
          tell(agent, cause);
        }
      }
    }
    await Promise.all(Array.from({ length: AT_ONCE }, work));
  }

  async #agents(): Promise<readonly AgentClient[]> {
    const identity = await this.#options.identity();
    const found = await Promise.all(this.#options.addresses.map((address) => this.#resolve(address)));
    const byName = found.flat().map((address) => [formatAddress(address), address] as const);
    return [...new Map(byName).values()].map((address) => new AgentClient(address, identity));
  }

  async #resolve(address: AgentAddress): Promise<readonly AgentAddress[]> {
    const { resolve = resolveHost, observe } = this.#options;
    try {
      const hosts = await resolve(address.host);
      return hosts.map((host) => ({ host, port: address.port }));
    } catch (cause) {
      observe({ type: 'no-agents', address: formatAddress(address), error: asError(cause) });
      return [];
    }
  }
}

function joined(known: HeldImage | undefined, image: HeldImage): HeldImage {
  const more = known === undefined || image.whole ? image : known;
  if (known === undefined || known.digest === image.digest) return more;
  const { digest: _, ...rest } = more;
  return rest;
}

/** What is held alone counts for its rank, not who pushes it. */
async function unused(): Promise<void> {}
