import { Agent } from 'node:https';
import { describe, expect, onTestFinished, test } from 'vitest';
import { ask, type Peer, type Reply } from '../../test/fakes/https-client.ts';
import { makeLoopbackCertificate } from '../../test/fakes/loopback-certificate.ts';
import { RecordingLogger } from '../../test/fakes/recording-logger.ts';
import { type ServedApp, serveApp } from '../../test/fakes/served-app.ts';
import { createMetrics } from '../telemetry/metrics.ts';
import { Listener } from './listener.ts';
import { createMetricsServer } from './metrics-server.ts';
import { type ShutdownParts, shutDown } from './shutdown.ts';

const REVIEW = { method: 'POST', path: '/clone-image', body: '{}' };

async function stoppable(app: ServedApp): Promise<ShutdownParts & { metricsPort: number }> {
  const log = new RecordingLogger();
  const metricsListener = new Listener(
    createMetricsServer({ metrics: createMetrics({ version: '0' }), log }),
  );
  const { port } = await metricsListener.listen({ host: '127.0.0.1', port: 0 });
  onTestFinished(() => metricsListener.close(AbortSignal.abort()));
  return {
    readiness: app.readiness,
    listener: app.listener,
    metricsListener,
    settleCopies: async () => {},
    log,
    metricsPort: port,
  };
}

describe('shutting down', () => {
  test('happens in this order: not ready, grace, requests and copies, metrics', async () => {
    const steps: string[] = [];
    const app = await serveApp();
    await shutDown(
      {
        readiness: app.readiness,
        listener: { close: async () => void steps.push('requests') },
        metricsListener: { close: async () => void steps.push('metrics') },
        settleCopies: async () => {
          steps.push('copies');
        },
        log: app.log,
        wait: async (milliseconds) => {
          steps.push(`${app.readiness.state} ${milliseconds}`);
        },
      },
      10,
    );
    expect(steps).toEqual(['stopping 10000', 'requests', 'copies', 'metrics']);
    expect(app.log.messages('info')).toEqual(['Stopping, still answering', 'Stopped']);
  });

  test('answers during the grace time, and takes no connection after it', async () => {
    const app = await serveApp();
    const grace = Promise.withResolvers<void>();
    const parts = await stoppable(app);
    const done = shutDown({ ...parts, wait: () => grace.promise }, 10);
    expect((await ask(app, { path: '/readyz' })).status).toBe(503);
    expect((await ask(app, REVIEW)).status).toBe(200);
    expect((await fetch(`http://127.0.0.1:${parts.metricsPort}/metrics`)).status).toBe(200);
    grace.resolve();
    await done;
    await expect(ask(app, REVIEW)).rejects.toMatchObject({ code: 'ECONNREFUSED' });
    await expect(fetch(`http://127.0.0.1:${parts.metricsPort}/metrics`)).rejects.toThrow('fetch failed');
  });

  test('waits for a request under way, which gets its answer', async () => {
    const entered = Promise.withResolvers<void>();
    const open = Promise.withResolvers<void>();
    const app = await serveApp({
      review: async () => {
        entered.resolve();
        await open.promise;
        return { status: 200, body: '"late"' };
      },
    });
    const reply = ask(app, REVIEW);
    await entered.promise;
    const done = shutDown({ ...(await stoppable(app)), wait: async () => {} }, 0);
    while (app.server.listening) await new Promise((resolve) => setImmediate(resolve));
    open.resolve();
    expect(await reply).toMatchObject({ status: 200, body: '"late"' });
    await done;
  });

  test('goes on when copies cannot be settled, and says so', async () => {
    const app = await serveApp();
    const parts = await stoppable(app);
    const log = new RecordingLogger();
    await shutDown(
      { ...parts, log, wait: async () => {}, settleCopies: () => Promise.reject(new Error('stuck')) },
      0,
    );
    expect(log.messages()).toEqual(['Stopping, still answering', 'Stopping went wrong', 'Stopped']);
    expect(app.server.listening).toBe(false);
  });

  test('by the clock without a clock given', async () => {
    const app = await serveApp();
    await shutDown(await stoppable(app), 0.001);
    expect(app.server.listening).toBe(false);
  });
});

/** Sends reviews over connections it keeps, as API servers do, to whichever servers it believes to be there. */
class Clients {
  readonly replies: { readonly peer: Peer; readonly reply: Reply }[] = [];
  readonly failures: unknown[] = [];
  readonly #agent = new Agent({ keepAlive: true, maxFreeSockets: 25 });
  readonly #watching = new Set<() => void>();
  readonly #underWay = new Set<Promise<void>>();
  readonly #loops: readonly Promise<void>[];
  #peers: readonly Peer[];

  constructor(peers: readonly Peer[], count: number) {
    this.#peers = peers;
    this.#loops = Array.from({ length: count }, (_, index) => this.#keepSending(index));
  }

  /** What the control plane tells, a while after it happened. Resolves once nothing sent in the old belief is left. */
  async learn(peers: readonly Peer[]): Promise<void> {
    this.#peers = peers;
    await Promise.all(this.#underWay);
  }

  /** Resolves after so many more answers of that kind. */
  async answers(count: number, matching: (peer: Peer, reply: Reply) => boolean): Promise<void> {
    const start = this.replies.length;
    while (this.replies.slice(start).filter(({ peer, reply }) => matching(peer, reply)).length < count)
      await new Promise<void>((resolve) => void this.#watching.add(resolve));
  }

  async stop(): Promise<void> {
    this.#peers = [];
    await Promise.all(this.#loops);
    this.#agent.destroy();
  }

  async #keepSending(turn: number): Promise<void> {
    for (let call = turn; this.#peers.length > 0; call += 1) {
      const peer = this.#peers[call % this.#peers.length];
      if (peer === undefined) return;
      const sent = this.#send(peer);
      this.#underWay.add(sent);
      await sent;
      this.#underWay.delete(sent);
      for (const wake of this.#watching) wake();
      this.#watching.clear();
    }
  }

  async #send(peer: Peer): Promise<void> {
    try {
      this.replies.push({ peer, reply: await ask(peer, { ...REVIEW, agent: this.#agent }) });
    } catch (error) {
      this.failures.push(error);
    }
  }
}

describe('a rolling restart of two replicas under load', () => {
  test('fails no request', async () => {
    const certificate = await makeLoopbackCertificate();
    const old = [await serveApp({ certificate }), await serveApp({ certificate })];
    const clients = new Clients(old, 8);
    let present = old;

    for (const leaving of old) {
      await clients.answers(20, (peer) => peer === leaving);
      const coming = await serveApp({ certificate });
      const grace = Promise.withResolvers<void>();
      const done = shutDown({ ...(await stoppable(leaving)), wait: () => grace.promise }, 10);
      // API servers have not learnt yet that it goes: they are still answered, and told to close.
      await clients.answers(20, (peer, { headers }) => peer === leaving && headers.connection === 'close');
      present = [...present.filter((app) => app !== leaving), coming];
      await clients.learn(present);
      grace.resolve();
      await done;
    }
    await clients.answers(40, (peer) => present.some((app) => app === peer));
    await clients.stop();

    expect(clients.failures).toEqual([]);
    expect(new Set(clients.replies.map(({ reply }) => reply.status))).toEqual(new Set([200]));
    expect(old.map(({ server }) => server.listening)).toEqual([false, false]);
  });
});
