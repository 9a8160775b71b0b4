import { describe, expect, test } from 'vitest';
import { ask, begin, replyTo } from '../../test/fakes/https-client.ts';
import { type ServedApp, serveApp } from '../../test/fakes/served-app.ts';
import { INTAKE_LIMITS } from './intake.ts';

const KIB = 1024;
const SMALL = { largestBody: 64 * KIB, bytesAtOnce: 96 * KIB, requestsAtOnce: 2 };
const POST = { method: 'POST', path: '/clone-image' };

/** Keeps reviews waiting until the test lets them go. */
function gate() {
  const open = Promise.withResolvers<void>();
  const entered: (() => void)[] = [];
  let inside = 0;
  return {
    open: open.resolve,
    /** Resolves once so many reviews wait. */
    holds: (count: number) =>
      new Promise<void>((resolve) => {
        function check(): void {
          if (inside >= count) resolve();
        }
        entered.push(check);
        check();
      }),
    review: async (body: Uint8Array) => {
      inside += 1;
      for (const check of entered) check();
      await open.promise;
      return { status: 200, body: JSON.stringify({ bytes: body.length }) };
    },
  };
}

/** Resolves when nothing is held any more. */
async function emptied(app: ServedApp): Promise<void> {
  while (app.intake.requests > 0 || app.intake.bytes > 0) await ask(app, { path: '/livez' });
}

describe('a body', () => {
  test.each([0, 1, SMALL.largestBody - 1, SMALL.largestBody])('of %i bytes arrives whole', async (bytes) => {
    const app = await serveApp({ limits: SMALL });
    const reply = await ask(app, { ...POST, body: Buffer.alloc(bytes, 'x') });
    expect(JSON.parse(reply.body)).toEqual({ bytes });
    expect([app.intake.requests, app.intake.bytes]).toEqual([0, 0]);
  });

  test('in chunks arrives whole and unchanged', async () => {
    const seen: string[] = [];
    const app = await serveApp({
      review: async (body) => {
        seen.push(Buffer.from(body).toString());
        return { status: 200, body: '{}' };
      },
    });
    const outgoing = begin(app, POST);
    for (const piece of ['{"a":', '"ä', '"', '}']) outgoing.write(piece);
    outgoing.end();
    await replyTo(outgoing);
    expect(seen).toEqual(['{"a":"ä"}']);
  });

  test.each([
    ['announced', { 'content-length': String(SMALL.largestBody + 1) }],
    ['not announced', { 'transfer-encoding': 'chunked' }],
  ])('one byte too large, %s, is refused with 413', async (_name, headers) => {
    const app = await serveApp({ limits: SMALL });
    const reply = await ask(app, { ...POST, headers, body: Buffer.alloc(SMALL.largestBody + 1) });
    expect(reply.status).toBe(413);
    expect(JSON.parse(reply.body)).toEqual({
      code: 'BODY_TOO_LARGE',
      error: 'Cannot read a body of more than 65536 bytes',
    });
    expect(app.log.messages('warn')).toEqual(['Request refused']);
  });

  test('announced too large is refused before it comes', async () => {
    const app = await serveApp({ limits: SMALL });
    const outgoing = begin(app, { ...POST, headers: { 'content-length': '1000000' } });
    outgoing.flushHeaders();
    expect((await replyTo(outgoing)).status).toBe(413);
    expect(app.intake.bytes).toBe(0);
    outgoing.destroy();
  });

  test('that goes on for ever is refused, dropped and not kept', async () => {
    const app = await serveApp({ limits: SMALL });
    const outgoing = begin(app, POST);
    outgoing.on('error', () => {});
    const piece = Buffer.alloc(16 * KIB);
    let flowing = true;
    function write(): void {
      if (flowing) outgoing.write(piece, write);
    }
    write();
    const reply = await replyTo(outgoing);
    expect(reply.status).toBe(413);
    expect([app.intake.requests, app.intake.bytes]).toEqual([0, 0]);
    flowing = false;
    outgoing.destroy();
    expect((await ask(app, { path: '/readyz' })).status).toBe(200);
  });

  test('after a refused one is read on the same connection', async () => {
    const app = await serveApp({ limits: SMALL });
    const { Agent } = await import('node:https');
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    const refused = await ask(app, { ...POST, agent, body: Buffer.alloc(1_000_000) });
    const served = await ask(app, { ...POST, agent, body: 'x' });
    agent.destroy();
    expect([refused.status, served.status]).toEqual([413, 200]);
  });

  test('that ends early leaves nothing behind, and no line that cries for help', async () => {
    const app = await serveApp({ limits: SMALL });
    const outgoing = begin(app, { ...POST, headers: { 'content-length': '1000' } });
    outgoing.on('error', () => {});
    outgoing.write('only this');
    while (app.intake.bytes === 0) await ask(app, { path: '/livez' });
    outgoing.destroy();
    await app.log.logged('Client went away');
    expect([app.intake.requests, app.intake.bytes]).toEqual([0, 0]);
    expect(app.log.records.every(({ level }) => level === 'debug')).toBe(true);
  });

  test('that never comes holds a place, but no bytes, until its client goes', async () => {
    const app = await serveApp({ limits: SMALL });
    const slow = begin(app, { ...POST, headers: { 'content-length': '65536' } });
    slow.on('error', () => {});
    slow.flushHeaders();
    while (app.intake.requests === 0) await ask(app, { path: '/livez' });
    expect(app.intake.bytes).toBe(0);
    expect((await ask(app, { ...POST, body: Buffer.alloc(SMALL.largestBody) })).status).toBe(200);
    slow.destroy();
    await emptied(app);
  });
});

describe('room', () => {
  test('for requests is bounded: the next is asked to come again, and finds room later', async () => {
    const { open, holds, review } = gate();
    const app = await serveApp({ limits: SMALL, review });
    const first = [ask(app, { ...POST, body: 'a' }), ask(app, { ...POST, body: 'b' })];
    await holds(2);
    const refused = await ask(app, { ...POST, body: 'c' });
    expect([refused.status, refused.headers['retry-after']]).toEqual([429, '1']);
    expect(JSON.parse(refused.body)).toMatchObject({ code: 'BUSY' });
    expect((await ask(app, { path: '/readyz' })).status).toBe(200);
    open();
    expect((await Promise.all(first)).map(({ status }) => status)).toEqual([200, 200]);
    expect((await ask(app, { ...POST, body: 'c' })).status).toBe(200);
  });

  test('for bytes is bounded over all requests that are being answered', async () => {
    const { open, holds, review } = gate();
    const app = await serveApp({ limits: { ...SMALL, requestsAtOnce: 10 }, review });
    const first = ask(app, { ...POST, body: Buffer.alloc(SMALL.largestBody) });
    await holds(1);
    expect(app.intake.bytes).toBe(SMALL.largestBody);
    const refused = await ask(app, { ...POST, body: Buffer.alloc(SMALL.largestBody) });
    expect([refused.status, refused.headers['retry-after']]).toEqual([429, '1']);
    const fits = ask(app, { ...POST, body: Buffer.alloc(16 * KIB) });
    await holds(2);
    open();
    expect((await Promise.all([first, fits])).map(({ status }) => status)).toEqual([200, 200]);
    expect([app.intake.requests, app.intake.bytes]).toEqual([0, 0]);
  });

  test('is given back by reviews that throw', async () => {
    const app = await serveApp({
      limits: { ...SMALL, requestsAtOnce: 1 },
      review: () => Promise.reject(new Error('no')),
    });
    const statuses = [];
    for (let call = 0; call < 3; call += 1)
      statuses.push((await ask(app, { ...POST, body: Buffer.alloc(SMALL.largestBody) })).status);
    expect(statuses).toEqual([500, 500, 500]);
    expect([app.intake.requests, app.intake.bytes]).toEqual([0, 0]);
  });

  test('refused is counted', async () => {
    const app = await serveApp({ limits: { ...SMALL, requestsAtOnce: 0 } });
    await ask(app, { ...POST, body: 'x' });
    const { body } = await app.metrics.render();
    expect(body).toContain('image_cloner_admission_requests_total{outcome="refused"} 1\n');
  });
});

describe('the limits that ship', () => {
  const MIB = 1024 * KIB;

  test('let the largest review of an API server in', async () => {
    const app = await serveApp();
    const reply = await ask(app, { ...POST, body: Buffer.alloc(17 * MIB, '<') });
    expect(JSON.parse(reply.body)).toEqual({ bytes: 17 * MIB });
  });

  test('refuse 33 MB', async () => {
    const app = await serveApp();
    expect((await ask(app, { ...POST, body: Buffer.alloc(33 * MIB) })).status).toBe(413);
  });

  test('leave room for several of the largest', () => {
    expect(INTAKE_LIMITS.bytesAtOnce).toBeGreaterThanOrEqual(3 * INTAKE_LIMITS.largestBody);
  });
});
