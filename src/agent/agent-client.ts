import type { IncomingMessage } from 'node:http';
import { request } from 'node:https';
import { asError } from '../copy/copy-error.ts';
import type { HeldImage, TransferOptions } from '../copy/origin.ts';
import { isRecord } from '../image/descriptor.ts';
import { type AgentAddress, formatAddress } from './addresses.ts';
import { AgentError } from './agent-error.ts';
import { readBody } from './body.ts';
import { type Holding, readHolding, readImages } from './holding.ts';
import { readProgress } from './push-progress.ts';
import { type FindQuestion, type PushQuestion, writeQuestion } from './question.ts';

/** The name that every agent's certificate has: they are reached by addresses that come and go. */
export const AGENT_NAME = 'image-cloner-agent';

/** Who we are to agents, and by whose word we believe them. PEM. */
export interface Identity {
  readonly cert: string | Buffer;
  readonly key: string | Buffer;
  readonly ca: string | Buffer;
}

/** As many images as a node of a large cluster has ever had. */
const LARGEST_ANSWER = 16 * 1024 * 1024;
/** An agent that pushes shows that it lives every ten seconds. */
const LONGEST_SILENCE_MS = 60_000;

/** One agent. */
export class AgentClient {
  readonly #address: AgentAddress;
  readonly #identity: Identity;

  constructor(address: AgentAddress, identity: Identity) {
    this.#address = address;
    this.#identity = identity;
  }

  /** As it is logged. */
  get name(): string {
    return formatAddress(this.#address);
  }

  /** @returns undefined when it does not hold the image. @throws AgentError */
  async find(question: FindQuestion, signal: AbortSignal): Promise<Holding | undefined> {
    const body = await this.#json({ path: '/v1/find', question, signal });
    if (body['holding'] === null) return undefined;
    const holding = readHolding(body['holding']);
    if (holding !== undefined) return holding;
    throw this.#unknown();
  }

  /**
   * Resolves once the agent says that the image is pushed.
   * @param onProgress called with what it tells meanwhile; older agents tell nothing
   * @throws AgentError
   */
  async push(
    question: PushQuestion,
    signal: AbortSignal,
    onProgress?: TransferOptions['onProgress'],
  ): Promise<void> {
    const answer = await this.#send({ path: '/v1/push', question, signal });
    try {
      for await (const line of linesOf(answer)) {
        const said = readLine(line);
        if (said === undefined) throw this.#unknown();
        if ('error' in said) throw this.#failure(said['error']);
        if ('pushed' in said) return;
        const progress = readProgress(said['progress']);
        if (progress !== undefined) onProgress?.(progress);
      }
    } catch (cause) {
      throw cause instanceof AgentError ? cause : this.#brokenOff(asError(cause));
    }
    throw new AgentError(`Agent ${this.name} ended its answer before it was done`, { code: 'UNREACHABLE' });
  }

  /** Every image that its node holds. @throws AgentError */
  async list(signal: AbortSignal): Promise<readonly HeldImage[]> {
    return readImages((await this.#json({ path: '/v1/images', signal }))['images']);
  }

  async #json(call: Call): Promise<Record<string, unknown>> {
    const answer = await this.#send(call);
    const body = readLine(Buffer.from(await readBody(answer, LARGEST_ANSWER)).toString('utf8'));
    if (body !== undefined) return body;
    throw this.#unknown();
  }

  async #send(call: Call): Promise<IncomingMessage> {
    const answer = await this.#request(call);
    if (answer.statusCode === 200) return answer;
    const text = Buffer.from(await readBody(answer, LARGEST_ANSWER)).toString('utf8');
    throw this.#failure(readLine(text)?.['error']);
  }

  #request({ path, question, signal }: Call): Promise<IncomingMessage> {
    const { host, port } = this.#address;
    const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
    const sent = request({
      ...this.#identity,
      host,
      port,
      path,
      signal,
      servername: AGENT_NAME,
      method: question === undefined ? 'GET' : 'POST',
      // A connection that stays would keep a certificate that is replaced meanwhile.
      agent: false,
      timeout: LONGEST_SILENCE_MS,
    });
    sent.on('timeout', () => sent.destroy(Object.assign(new Error('silence'), { code: 'ETIMEDOUT' })));
    sent.on('response', resolve);
    sent.on('error', (cause) => reject(this.#unreachable(cause)));
    sent.end(question === undefined ? undefined : writeQuestion(question));
    return promise;
  }

  #unreachable(cause: Error): AgentError {
    const code = systemCode(cause);
    // TLS 1.3 tells a client that it is let in before the server has seen its certificate.
    const hint = code === 'ECONNRESET' ? ' (as one does that does not trust our certificate)' : '';
    const message = `Cannot reach agent ${this.name}: ${cause.message}${hint}`;
    return new AgentError(message, { code: codeFor(code), cause });
  }

  #brokenOff(cause: Error): AgentError {
    const message = `Agent ${this.name} broke off its answer: ${cause.message}`;
    return new AgentError(message, { code: codeFor(systemCode(cause)), cause });
  }

  /** What an agent says that it failed with. */
  #failure(said: unknown): AgentError {
    const { code, message } = isRecord(said) ? said : {};
    if (typeof code !== 'string' || typeof message !== 'string') return this.#unknown();
    return new AgentError(`Agent ${this.name} failed: ${message}`, { code });
  }

  #unknown(): AgentError {
    return new AgentError(`Agent ${this.name} gave an answer that no agent gives`, { code: 'PROTOCOL' });
  }
}

/** Of a line that never ends no more than this is kept. */
const LONGEST_LINE = 64 * 1024;

async function* linesOf(answer: IncomingMessage): AsyncGenerator<string, void> {
  let rest = '';
  for await (const piece of answer.setEncoding('utf8')) {
    const lines = `${rest}${String(piece)}`.split('\n');
    rest = (lines.pop() ?? '').slice(0, LONGEST_LINE);
    yield* lines;
  }
}

interface Call {
  readonly path: string;
  readonly question?: FindQuestion | PushQuestion;
  readonly signal: AbortSignal;
}

function readLine(line: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(line);
    return isRecord(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

/** Node's and OpenSSL's codes of certificates that one side or the other does not believe. */
const UNTRUSTED = /CERT|SELF_SIGNED|UNABLE_TO_|ERR_SSL|ERR_TLS/;

function systemCode(error: Error): string {
  return 'code' in error ? String(error.code) : '';
}

function codeFor(code: string): string {
  if (code === 'ETIMEDOUT') return 'TIMEOUT';
  return UNTRUSTED.test(code) ? 'UNTRUSTED' : 'UNREACHABLE';
}
