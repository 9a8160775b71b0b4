import { once } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer, type Server } from 'node:https';
import { buffer } from 'node:stream/consumers';
import { review } from '../../src/admission/review.ts';
import type { Judgement } from '../../src/plan/judgement.ts';
import { Webhook } from '../fakes/admission.ts';
import { JUDGEMENT } from '../judgement.ts';
import type { Identity } from './recording-webhook.ts';

/** The webhook from bytes to bytes, with every copy there, for an API server. What it judges by may change. */
export class JudgingWebhook {
  readonly #server: Server;
  #current = new Webhook(undefined, {}, { enabled: false });

  private constructor(identity: Identity) {
    this.#server = createServer(identity, (request, response) => void this.#answer(request, response));
  }

  static async start(identity: Identity): Promise<JudgingWebhook> {
    const webhook = new JudgingWebhook(identity);
    webhook.#server.listen(0, '127.0.0.1');
    await once(webhook.#server, 'listening');
    return webhook;
  }

  get port(): number {
    const address = this.#server.address();
    if (address === null || typeof address === 'string') throw new Error('listen: no port');
    return address.port;
  }

  /** @returns what is asked from now on is told there */
  judgeBy(judgement: Judgement): Webhook {
    this.#current = new Webhook(undefined, {}, judgement);
    return this.#current;
  }

  /** Lets everything pass, as before image-cloner was there. */
  standAside(): void {
    this.judgeBy({ ...JUDGEMENT, enabled: false });
  }

  async stop(): Promise<void> {
    this.#server.close();
    this.#server.closeAllConnections();
    await once(this.#server, 'close');
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { cloning } = this.#current;
    const bytes = await buffer(request);
    const { signal } = new AbortController();
    const call = { contentType: request.headers['content-type'], timeout: '10s', signal };
    const { status, body } = await review(bytes, call, cloning);
    response.writeHead(status, { 'content-type': 'application/json' }).end(body);
  }
}
