import type { Digest } from '../image/digest.ts';
import type { Reference } from '../image/reference.ts';

/** What an operator may want to see of an agent; durations in milliseconds. */
export type AgentEvent =
  /** Somebody with a certificate asked whether this node holds an image. */
  | { readonly type: 'asked'; readonly source: Reference; readonly held: boolean }
  /** How far a push is: once for each layer and status. */
  | {
      readonly type: 'progress';
      readonly source: Reference;
      readonly backup: Reference;
      /** Some name of the layer. */
      readonly layer: string;
      /** In the daemon's words, or `pushing`, `pushed`, `mounted`, `present` where our engine pushes. */
      readonly status: string;
      /** Size of the layer, where it is known. */
      readonly bytes?: number;
    }
  | {
      readonly type: 'pushed';
      readonly source: Reference;
      readonly backup: Reference;
      readonly digest: Digest;
      readonly bytes: number;
      readonly durationMs: number;
    }
  | {
      readonly type: 'push-failed';
      readonly source: Reference;
      readonly backup: Reference;
      readonly error: Error;
    }
  /** A daemon of this node could not be asked, or could not give what it holds. */
  | {
      readonly type: 'daemon-failed';
      readonly origin: string;
      readonly source: Reference;
      readonly error: Error;
    }
  | { readonly type: 'refused'; readonly path: string; readonly error: Error };

export type ObserveAgent = (event: AgentEvent) => void;

/** What is told of the agents by who asks them. */
export type AgentsEvent =
  /** It does not matter: another may hold the image. */
  | { readonly type: 'agent-failed'; readonly address: string; readonly error: Error }
  /** An address of the settings has no agent behind it now. */
  | { readonly type: 'no-agents'; readonly address: string; readonly error?: Error }
  | { readonly type: 'holder-found'; readonly address: string; readonly source: Reference };

export type ObserveAgents = (event: AgentsEvent) => void;
