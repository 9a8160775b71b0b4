import { request } from 'node:https';
import { text } from 'node:stream/consumers';
import { describe, expect, test } from 'vitest';
import { useAgents } from '../../test/fakes/agent-stage.ts';
import { FakeOrigin } from '../../test/fakes/origin.ts';
import { never, useStage } from '../../test/fakes/stage.ts';
import type { Held } from '../copy/origin.ts';
import type { Descriptor } from '../image/descriptor.ts';
import { digestOf } from '../image/digest.ts';
import { OCI_MANIFEST } from '../image/media-type.ts';
import { parseReference } from '../image/reference.ts';
import type { AgentAddress } from './addresses.ts';
import { Agent } from './agent.ts';
import { AGENT_NAME } from './agent-client.ts';
import type { AgentEvent } from './event.ts';

const stage = useStage();
const agents = useAgents(stage);

/** Any bytes, with the right certificate. */
async function send(
  { host, port }: AgentAddress,
  path: string,
  { method = 'POST', body = '' }: { readonly method?: string; readonly body?: string | Buffer } = {},
): Promise<{ status: number | undefined; body: string }> {
  const { promise, resolve, reject } = Promise.withResolvers<{ status: number | undefined; body: string }>();
  const options = { ...agents.identity(), host, port, path, method, servername: AGENT_NAME, agent: false };
  const sent = request(options, (answer) => {
    text(answer).then((said) => resolve({ status: answer.statusCode, body: said }), reject);
  });
  sent.on('error', reject).end(body);
  return promise;
}

const PUSH = { source: 'a:1', backup: 'r.example.com/b/a:1', tag: '1' };

interface Asked {
  readonly path: string;
  readonly method?: string;
  readonly body?: string | Buffer;
}

const FIND = '/v1/find';

const STATUS: Readonly<Record<string, number>> = {
  BAD_QUESTION: 400,
  NOT_FOUND: 404,
  METHOD_NOT_ALLOWED: 405,
  TOO_LARGE: 413,
};

/** A push that is right but for these. */
function push(changes: object): Asked {
  return { path: '/v1/push', body: JSON.stringify({ ...PUSH, ...changes }) };
}

describe('what is no question', () => {
  test.each<[what: string, asked: Asked, code: string]>([
    ['nothing', { path: FIND, body: '' }, 'BAD_QUESTION'],
    ['no JSON', { path: FIND, body: 'source=a' }, 'BAD_QUESTION'],
    ['no UTF-8', { path: FIND, body: Buffer.from([0x22, 0xff, 0x22]) }, 'BAD_QUESTION'],
    ['a list', { path: FIND, body: '[]' }, 'BAD_QUESTION'],
    ['null', { path: FIND, body: 'null' }, 'BAD_QUESTION'],
    ['no source', { path: FIND, body: '{}' }, 'BAD_QUESTION'],
    ['a source that is a number', { path: FIND, body: '{"source":1}' }, 'BAD_QUESTION'],
    ['a source that is no reference', { path: FIND, body: '{"source":"../../etc"}' }, 'BAD_QUESTION'],
    ['no target', { path: '/v1/push', body: '{"source":"a"}' }, 'BAD_QUESTION'],
    ['no tag', push({ tag: undefined }), 'BAD_QUESTION'],
    ['a tag that is a path', push({ tag: '../x' }), 'BAD_QUESTION'],
    ['a credential that is a text', push({ credential: 'secret' }), 'BAD_QUESTION'],
    ['a credential without password', push({ credential: { kind: 'basic', username: 'a' } }), 'BAD_QUESTION'],
    ['a credential of another kind', push({ credential: { kind: 'magic', token: 'a' } }), 'BAD_QUESTION'],
    ['too much', { path: FIND, body: `{"source":"${'a'.repeat(100_000)}"}` }, 'TOO_LARGE'],
    ['another path', { path: '/v1/exec', body: '{}' }, 'NOT_FOUND'],
    ['a path with more behind it', { path: '/v1/find?x=1', body: '{"source":"a"}' }, 'NOT_FOUND'],
    ['the root', { path: '/', method: 'GET' }, 'NOT_FOUND'],
    ['another method', { path: FIND, method: 'GET' }, 'METHOD_NOT_ALLOWED'],
    ['a method that changes', { path: '/v1/images', method: 'DELETE' }, 'METHOD_NOT_ALLOWED'],
  ])('%s: %j is %s', async (_what, { path, ...rest }, code) => {
    const events: AgentEvent[] = [];
    const origin = new FakeOrigin();
    const address = await agents.agent({ origins: [origin], observe: (event) => events.push(event) });
    const answer = await send(address, path, rest);
    expect(answer.status).toBe(STATUS[code]);
    expect(JSON.parse(answer.body)).toMatchObject({ error: { code } });
    expect(events).toMatchObject([{ type: 'refused', error: { code } }]);
    expect(origin.calls).toEqual([]);
  });

  test('shows nothing of a password, neither in the answer nor in what is told', async () => {
    const events: AgentEvent[] = [];
    const address = await agents.agent({ observe: (event) => events.push(event) });
    const credential = { kind: 'basic', username: 'backup', password: 'open sesame' };
    const { body } = await send(address, '/v1/push', {
      body: JSON.stringify({ ...PUSH, tag: '', credential }),
    });
    expect(
      `${body}${JSON.stringify(events)}${String(events.map((event) => 'error' in event && event.error))}`,
    ).not.toContain('open sesame');
  });
});

describe('a question', () => {
  test('about an image that is not there is answered with nothing', async () => {
    const address = await agents.agent({ origins: [new FakeOrigin()] });
    expect(await send(address, '/v1/find', { body: '{"source":"alpine:3.12"}' })).toEqual({
      status: 200,
      body: '{"holding":null}',
    });
  });

  test('that no daemon can answer is no "no"', async () => {
    const failing = new FakeOrigin({
      holds: () => Promise.reject(Object.assign(new Error('EACCES'), { code: 'DENIED' })),
    });
    const address = await agents.agent({ origins: [failing, new FakeOrigin()] });
    const answer = await send(address, '/v1/find', { body: '{"source":"alpine"}' });
    expect(answer).toEqual({ status: 502, body: '{"error":{"code":"DENIED","message":"EACCES"}}' });
  });

  test('more than can be answered at once is put off', async () => {
    const waiting = Promise.withResolvers<undefined>();
    let asked = 0;
    const all = Promise.withResolvers<void>();
    const slow = new FakeOrigin({
      holds: () => {
        asked += 1;
        if (asked === 64) all.resolve();
        return waiting.promise;
      },
    });
    const address = await agents.agent({ origins: [slow] });
    const body = '{"source":"alpine"}';
    const held = Array.from({ length: 64 }, () => send(address, '/v1/find', { body }));
    await all.promise;
    expect(await send(address, '/v1/find', { body })).toMatchObject({ status: 429 });
    waiting.resolve(undefined);
    expect((await Promise.all(held)).every(({ status }) => status === 200)).toBe(true);
  });
});

function pushing(): { agent: FakeOrigin; begun: Promise<void>; end: () => void } {
  const [begun, ended] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  const held: Held = {
    faithful: false,
    push: async (_backup, _tag, _options, signal) => {
      begun.resolve();
      signal.addEventListener('abort', () => ended.reject(signal.reason), { once: true });
      await ended.promise;
    },
  };
  return { agent: new FakeOrigin({ holds: () => held }), begun: begun.promise, end: () => ended.resolve() };
}

/** The word of a backup registry that has everything. */
async function confirm(): Promise<Descriptor> {
  return { mediaType: OCI_MANIFEST, digest: digestOf(Buffer.from('pushed')), size: 1 };
}

function agentWith(origin: FakeOrigin, events: AgentEvent[]): Agent {
  return new Agent({
    origins: [origin],
    mayPush: () => true,
    observe: (event) => events.push(event),
    wayTo: ({ backup }, signal) => ({
      backup,
      target: Object.assign(stage.repository({ host: '127.0.0.1:1' }, 'a'), { resolve: confirm }),
      signal,
      platforms: [],
      graphCopy: () => {
        throw new Error('nothing is read');
      },
      credential: async () => undefined,
      close: async () => undefined,
    }),
  });
}

describe('the end of an agent', () => {
  test('waits for a push under way', async () => {
    const { agent: origin, begun, end } = pushing();
    const events: AgentEvent[] = [];
    const agent = agentWith(origin, events);
    const address = await agents.server(agent.handle);
    const answer = send(address, '/v1/push', { body: JSON.stringify(PUSH) });
    await begun;
    const settled = agent.settle(never);
    end();
    await settled;
    expect((await answer).body).toContain('"pushed"');
    expect(events).toMatchObject([{ type: 'pushed', backup: parseReference(PUSH.backup) }]);
  });

  test('breaks it off when its time is over', async () => {
    const { agent: origin, begun } = pushing();
    const events: AgentEvent[] = [];
    const agent = agentWith(origin, events);
    const address = await agents.server(agent.handle);
    const answer = send(address, '/v1/push', { body: JSON.stringify(PUSH) });
    await begun;
    await agent.settle(AbortSignal.abort());
    expect((await answer).body).toContain('"error"');
    expect(events.map(({ type }) => type)).toContain('push-failed');
  });

  test('of one that pushes nothing comes at once', async () => {
    expect(await agentWith(new FakeOrigin(), []).settle(never)).toBeUndefined();
  });

  test('no more than four pushes run at once', async () => {
    const { agent: origin, end } = pushing();
    const agent = agentWith(origin, []);
    const address = await agents.server(agent.handle);
    const body = JSON.stringify(PUSH);
    const running = Array.from({ length: 4 }, () => send(address, '/v1/push', { body }));
    while (origin.calls.filter((call) => call.startsWith('find')).length < 4) await new Promise(setImmediate);
    expect(await send(address, '/v1/push', { body })).toMatchObject({ status: 429 });
    end();
    await Promise.all(running);
  });
});
