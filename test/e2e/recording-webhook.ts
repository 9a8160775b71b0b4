import { once } from 'node:events';
import { createServer, type Server } from 'node:https';
import { json } from 'node:stream/consumers';
import { z } from 'zod';

/** PEM of a certificate and its key. */
export interface Identity {
  readonly cert: string;
  readonly key: string;
}

const Review = z.object({
  request: z.object({
    uid: z.string(),
    operation: z.string(),
    kind: z.object({ kind: z.string() }),
    namespace: z.string(),
    name: z.string(),
    dryRun: z.boolean().optional(),
  }),
});

/** Answers the API server that all is well, and remembers what it asked: `CREATE Deployment shop/web`. */
export class RecordingWebhook {
  readonly calls: string[] = [];
  readonly #server: Server;

  private constructor(identity: Identity) {
    this.#server = createServer(identity, (request, response) => {
      void json(request).then((body) => response.end(JSON.stringify(this.#answer(body))));
    });
  }

  static async start(identity: Identity): Promise<RecordingWebhook> {
    const webhook = new RecordingWebhook(identity);
    webhook.#server.listen(0, '127.0.0.1');
    await once(webhook.#server, 'listening');
    return webhook;
  }

  get port(): number {
    const address = this.#server.address();
    if (address === null || typeof address === 'string') throw new Error('listen: no port');
    return address.port;
  }

  /** Serves another certificate to whoever connects from now on, and to nobody the one before. */
  serve(identity: Identity): void {
    this.#server.setSecureContext(identity);
    this.#server.closeAllConnections();
  }

  async stop(): Promise<void> {
    if (!this.#server.listening) return;
    this.#server.close();
    this.#server.closeAllConnections();
    await once(this.#server, 'close');
  }

  #answer(body: unknown): unknown {
    const { uid, operation, kind, namespace, name, dryRun } = Review.parse(body).request;
    this.calls.push(`${operation} ${kind.kind} ${namespace}/${name}${dryRun === true ? ' dry run' : ''}`);
    return { apiVersion: 'admission.k8s.io/v1', kind: 'AdmissionReview', response: { uid, allowed: true } };
  }
}
