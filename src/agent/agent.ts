import type { IncomingMessage, ServerResponse } from 'node:http';
import { type Candidate, candidatesAmong } from '../copy/candidates.ts';
import { asError, CopyError, codeOf } from '../copy/copy-error.ts';
import { copyHeld, type HeldCopied, type HeldCopy } from '../copy/held-copy.ts';
import type { HeldImage, Origin } from '../copy/origin.ts';
import { formatReference, type Reference } from '../image/reference.ts';
import { AgentError } from './agent-error.ts';
import { readBody } from './body.ts';
import type { ObserveAgent } from './event.ts';
import { holdingOf, writeImages } from './holding.ts';
import { PushProgress } from './push-progress.ts';
import { type PushQuestion, readFindQuestion, readPushQuestion } from './question.ts';

/** How an agent writes to the backup registry, for one push. */
export interface PushWay extends HeldCopy {
  close(): Promise<void>;
}

export interface AgentParts {
  /** The daemons of this node. */
  readonly origins: readonly Origin[];
  /** Whether an agent may push under this name, whoever asks for it. */
  readonly mayPush: (backup: Reference) => boolean;
  /** Opens the way to the backup registry as the user that the question names. */
  readonly wayTo: (question: PushQuestion, signal: AbortSignal) => PushWay;
  readonly observe: ObserveAgent;
  /** Pause between two signs of life of a push, in milliseconds. Default: 10 s */
  readonly signOfLifeMs?: number;
  /** Pause between two words of how far a push is, in milliseconds. Default: 1 s */
  readonly progressMs?: number;
}

/** Two references, a tag and a credential: tokens of clouds have up to 12 KiB. */
const LARGEST_QUESTION = 64 * 1024;
/** Each reads from the node's disk; a second one of the same webhook is rare. */
const MOST_PUSHES = 4;
const MOST_QUESTIONS = 64;
/** Well below the silence after which either side takes a connection for broken. */
const SIGN_OF_LIFE_MS = 10_000;
/** What a person sees move; a line for each layer that does. */
const PROGRESS_MS = 1000;

const STATUS: Readonly<Record<string, number>> = {
  BAD_QUESTION: 400,
  NOT_ALLOWED: 403,
  NOT_FOUND: 404,
  METHOD_NOT_ALLOWED: 405,
  TOO_LARGE: 413,
  BUSY: 429,
};

type Answer = (request: IncomingMessage, response: ServerResponse) => Promise<void>;

/**
 * What a node tells those who have a certificate: whether it holds an image, and which ones; and the one thing that it
 * does, which is to push one to the backup registry. To be put behind a listener that lets nobody else in.
 */
export class Agent {
  readonly #parts: AgentParts;
  readonly #stopping = new AbortController();
  readonly #routes: Readonly<Record<string, Answer>>;
  readonly #pushes = new Set<Promise<void>>();
  #questions = 0;

  constructor(parts: AgentParts) {
    this.#parts = parts;
    this.#routes = {
      'POST /v1/find': (request, response) => this.#find(request, response),
      'POST /v1/push': (request, response) => this.#push(request, response),
      'GET /v1/images': (_request, response) => this.#list(response),
    };
  }

  /** Answers one request; never rejects. */
  readonly handle = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    try {
      await this.#inTurn(() => this.#routeOf(request)(request, response));
    } catch (cause) {
      const error = asError(cause);
      this.#parts.observe({ type: 'refused', path: (request.url ?? '').slice(0, 100), error });
      request.resume();
      if (response.headersSent) response.destroy();
      else writeJson(response, STATUS[codeOf(error) ?? ''] ?? 502, { error: wordsOf(error) });
    }
  };

  /** Waits for the pushes under way; breaks them off when the signal aborts. */
  async settle(signal: AbortSignal): Promise<void> {
    const stop = (): void => this.#stopping.abort();
    if (signal.aborted) stop();
    signal.addEventListener('abort', stop, { once: true });
    await Promise.allSettled(this.#pushes);
  }

  async #inTurn(answer: () => Promise<void>): Promise<void> {
    if (this.#questions >= MOST_QUESTIONS)
      throw new AgentError('Too many questions at once', { code: 'BUSY' });
    this.#questions += 1;
    try {
      await answer();
    } finally {
      this.#questions -= 1;
    }
  }

  #routeOf({ method = '', url = '' }: IncomingMessage): Answer {
    const route = this.#routes[`${method} ${url}`];
    if (route !== undefined) return route;
    const isPath = Object.keys(this.#routes).some((one) => one.endsWith(` ${url}`));
    throw isPath
      ? new AgentError('Cannot answer this method', { code: 'METHOD_NOT_ALLOWED' })
      : new AgentError('Cannot find anything at this path', { code: 'NOT_FOUND' });
  }

  async #find(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { source } = readFindQuestion(await readBody(request, LARGEST_QUESTION));
    const { observe, origins } = this.#parts;
    const failures: Error[] = [];
    const look = { signal: this.#gone(response), onFailure: this.#onFailure(source, failures) };
    for await (const { held } of candidatesAmong(origins, source, look)) {
      await held.close?.();
      observe({ type: 'asked', source, held: true });
      return writeJson(response, 200, { holding: holdingOf(held) });
    }
    if (failures[0] !== undefined) throw failures[0];
    observe({ type: 'asked', source, held: false });
    writeJson(response, 200, { holding: null });
  }

  async #list(response: ServerResponse): Promise<void> {
    const images: HeldImage[] = [];
    for (const origin of this.#parts.origins)
      images.push(...((await origin.list?.(this.#gone(response))) ?? []));
    writeJson(response, 200, { images: writeImages(images) });
  }

  /** The status goes out before the work is done: the last line says how it ended. */
  async #push(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const question = readPushQuestion(await readBody(request, LARGEST_QUESTION));
    if (!this.#parts.mayPush(question.backup))
      throw new AgentError('Cannot push outside of the backup registry', { code: 'NOT_ALLOWED' });
    if (this.#pushes.size >= MOST_PUSHES) throw new AgentError('Too many pushes at once', { code: 'BUSY' });
    const pushing = this.#report(question, response);
    this.#pushes.add(pushing);
    await pushing.finally(() => this.#pushes.delete(pushing));
  }

  async #report(question: PushQuestion, response: ServerResponse): Promise<void> {
    const { observe, signOfLifeMs = SIGN_OF_LIFE_MS, progressMs = PROGRESS_MS } = this.#parts;
    const { source, backup } = question;
    const progress = new PushProgress(({ layer, status, totalBytes: bytes }) =>
      observe({ type: 'progress', source, backup, layer, status, ...(bytes !== undefined && { bytes }) }),
    );
    const begun = performance.now();
    response.writeHead(200, { 'content-type': 'application/x-ndjson' });
    response.write('{}\n');
    const timers = [
      setInterval(() => response.write('{}\n'), signOfLifeMs),
      setInterval(() => writeProgress(response, progress), progressMs),
    ];
    try {
      const { digest, bytes } = await this.#copy(question, progress, this.#gone(response));
      writeProgress(response, progress);
      response.end(`${JSON.stringify({ pushed: { digest, bytes } })}\n`);
      observe({ type: 'pushed', source, backup, digest, bytes, durationMs: performance.now() - begun });
    } catch (cause) {
      const error = asError(cause);
      response.end(`${JSON.stringify({ error: wordsOf(error) })}\n`);
      observe({ type: 'push-failed', source, backup, error });
    } finally {
      for (const timer of timers) clearInterval(timer);
    }
  }

  async #copy(question: PushQuestion, progress: PushProgress, signal: AbortSignal): Promise<HeldCopied> {
    const { origins, wayTo } = this.#parts;
    const failures: Error[] = [];
    const onFailure = this.#onFailure(question.source, failures);
    const way = wayTo(question, signal);
    const told: HeldCopy = {
      ...way,
      onProgress: progress.hear,
      graphCopy: (root) => ({ ...way.graphCopy(root), ...progress.hooks }),
    };
    try {
      for await (const candidate of candidatesAmong(origins, question.source, { signal, onFailure })) {
        const copied = await copyOne(candidate, told, question.tag).catch((cause: unknown) => {
          // What the backup registry fails at, no other daemon can do better.
          if (cause instanceof CopyError && cause.side === 'target') throw cause;
          onFailure(candidate.origin, cause);
        });
        if (copied !== undefined) return copied;
      }
    } finally {
      await way.close();
    }
    throw failures[0] ?? notHeld(question.source);
  }

  #onFailure(source: Reference, failures: Error[]): (origin: Origin, cause: unknown) => void {
    return ({ name }, cause) => {
      const error = asError(cause);
      failures.push(error);
      this.#parts.observe({ type: 'daemon-failed', origin: name, source, error });
    };
  }

  /** Nobody waits for the answer any more, or this process ends. */
  #gone(response: ServerResponse): AbortSignal {
    const gone = new AbortController();
    response.once('close', () => {
      if (!response.writableFinished) gone.abort();
    });
    return AbortSignal.any([gone.signal, this.#stopping.signal]);
  }
}

async function copyOne({ held }: Candidate, copy: HeldCopy, tag: string): Promise<HeldCopied> {
  try {
    return await copyHeld(held, copy, tag);
  } finally {
    await held.close?.();
  }
}

/** Who does not read it is not told. */
function writeProgress(response: ServerResponse, progress: PushProgress): void {
  if (response.writableNeedDrain) return;
  for (const one of progress.take()) response.write(`${JSON.stringify({ progress: one })}\n`);
}

function notHeld(source: Reference): AgentError {
  return new AgentError(`This node does not hold ${formatReference(source)}`, { code: 'NOT_HELD' });
}

function wordsOf(error: Error): { readonly code: string; readonly message: string } {
  return { code: codeOf(error) ?? 'UNKNOWN', message: error.message };
}

function writeJson(response: ServerResponse, status: number, body: object): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
}
