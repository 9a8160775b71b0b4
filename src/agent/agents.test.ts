import { describe, expect, test } from 'vitest';
import { identityOf, useAgents } from '../../test/fakes/agent-stage.ts';
import { refusal } from '../../test/fakes/answer.ts';
import { FakeOrigin } from '../../test/fakes/origin.ts';
import type { ScriptedRegistry } from '../../test/fakes/scripted-registry.ts';
import { never, useStage } from '../../test/fakes/stage.ts';
import { type MadeImage, makeImage, makeIndex } from '../../test/images/image.ts';
import { pushImage, repositoryAt } from '../../test/images/push.ts';
import { makeServerCertificate } from '../../tls/certificate.ts';
import type { Held, HeldBehind, TransferProgress } from '../copy/origin.ts';
import { formatReference, parseReference } from '../image/reference.ts';
import type { AgentAddress } from './addresses.ts';
import { Agents, type AgentsOptions } from './agents.ts';
import type { AgentEvent, AgentsEvent } from './event.ts';

const stage = useStage();
const agents = useAgents(stage);

const image = await makeImage();
const index = makeIndex([image, await makeImage({ platform: { os: 'linux', architecture: 'arm64' } })]);
const SOURCE = parseReference('gone.example.com/app:v1');
const CREDENTIAL = { kind: 'basic', username: 'backup', password: 'open sesame' } as const;

function digestOf(made: MadeImage) {
  return made.content.descriptor.digest;
}

async function content(made: MadeImage, partial?: Held['partial']): Promise<Held> {
  const store = await stage.registry({ images: [{ repository: 'node', image: made }] });
  const source = stage.repository(store, 'node');
  return { digest: digestOf(made), source, faithful: true, ...(partial && { partial }) };
}

async function holder(made: MadeImage, partial?: Held['partial']): Promise<FakeOrigin> {
  const held = await content(made, partial);
  return new FakeOrigin({ name: 'containerd', holds: () => held });
}

interface Asking {
  readonly asking: Agents;
  readonly events: AgentsEvent[];
}

function ask(addresses: readonly AgentAddress[], options: Partial<AgentsOptions> = {}): Asking {
  const events: AgentsEvent[] = [];
  const asking = new Agents({
    addresses,
    identity: async () => agents.identity(),
    observe: (event) => events.push(event),
    ...options,
  });
  return { asking, events };
}

async function pushTo(held: HeldBehind | undefined, registry: ScriptedRegistry): Promise<void> {
  const backup = parseReference(`${registry.host}/backup/app:v1`);
  await held?.push(backup, 'v1', { credential: CREDENTIAL }, never);
}

async function find(parts: Parameters<typeof agents.agent>[0] = {}): Promise<HeldBehind | undefined> {
  const address = await agents.agent({ origins: [await holder(image)], ...parts });
  return ask([address]).asking.find(SOURCE, never);
}

describe('an image that a node holds', () => {
  test('is found, and pushed by its agent as the user that asks', async () => {
    const origin = await holder(image);
    const address = await agents.agent({ origins: [origin] });
    const { asking, events } = ask([address]);
    const held = await asking.find(SOURCE, never);
    expect(held).toMatchObject({ faithful: true, digest: digestOf(image) });
    const backup = await stage.registry({ auth: { basic: { username: 'backup', password: 'open sesame' } } });
    await pushTo(held, backup);
    expect(backup.manifest('backup/app', 'v1')).toEqual(image.content.bytes);
    expect(events).toEqual([{ type: 'holder-found', address: `127.0.0.1:${address.port}`, source: SOURCE }]);
    expect(origin.calls.map((call) => call.split(' ')[0])).toEqual(['find', 'close', 'find', 'close']);
  });

  test('in part is told of as such', async () => {
    const part = { index: digestOf(index), platform: 'linux/amd64' };
    const address = await agents.agent({ origins: [await holder(image, part)] });
    expect(await ask([address]).asking.find(SOURCE, never)).toMatchObject({
      faithful: true,
      digest: digestOf(image),
      partial: part,
    });
  });

  test('and only its daemon can push is pushed by that, with the credential', async () => {
    const seen: unknown[] = [];
    const held: Held = {
      faithful: false,
      push: async (backup, tag, { credential }) => {
        seen.push([formatReference(backup), tag, credential]);
        await pushImage(repositoryAt(`http://${backup.host}`, backup.path), image, tag);
      },
    };
    const address = await agents.agent({ origins: [new FakeOrigin({ holds: () => held })] });
    const found = await ask([address]).asking.find(SOURCE, never);
    expect(found).toMatchObject({ faithful: false });
    const backup = await stage.registry();
    await pushTo(found, backup);
    expect(seen).toEqual([[`${backup.host}/backup/app:v1`, 'v1', CREDENTIAL]]);
  });

  test('is pushed with a word for each layer, in the log of the node and to who waits', async () => {
    const events: AgentEvent[] = [];
    const address = await agents.agent({
      origins: [await holder(image)],
      observe: (event) => events.push(event),
    });
    const [backup, told] = [await stage.registry(), [] as TransferProgress[]];
    const held = await ask([address]).asking.find(SOURCE, never);
    await held?.push(
      parseReference(`${backup.host}/app:v1`),
      'v1',
      { onProgress: (one) => told.push(one) },
      never,
    );
    const sizes = image.blobs.map(({ descriptor: { digest, size } }) => [digest.slice(7, 19), size] as const);
    expect(told.filter(({ status }) => status === 'pushed')).toEqual(
      expect.arrayContaining(
        sizes.map(([layer, size]) => ({ layer, status: 'pushed', bytes: size, totalBytes: size })),
      ),
    );
    const logged = events.flatMap((event) =>
      event.type === 'progress' ? [`${event.layer} ${event.status}`] : [],
    );
    expect(logged.toSorted()).toEqual(
      sizes.flatMap(([layer]) => [`${layer} pushed`, `${layer} pushing`]).toSorted(),
    );
  });

  test("is pushed by its daemon with that daemon's words, while it pushes", async () => {
    const pushing = Promise.withResolvers<void>();
    const held: Held = {
      faithful: false,
      push: async (backup, tag, { onProgress }) => {
        onProgress?.({ layer: '2c5ba97cb2d3', status: 'Pushing', bytes: 1, totalBytes: 3 });
        await pushing.promise;
        onProgress?.({ layer: '2c5ba97cb2d3', status: 'Pushed' });
        await pushImage(repositoryAt(`http://${backup.host}`, backup.path), image, tag);
      },
    };
    const address = await agents.agent({ origins: [new FakeOrigin({ holds: () => held })], progressMs: 1 });
    const [backup, told] = [await stage.registry(), [] as TransferProgress[]];
    function hear(one: TransferProgress): void {
      told.push(one);
      pushing.resolve();
    }
    const found = await ask([address]).asking.find(SOURCE, never);
    await found?.push(parseReference(`${backup.host}/app:v1`), 'v1', { onProgress: hear }, never);
    expect(told).toEqual([
      { layer: '2c5ba97cb2d3', status: 'Pushing', bytes: 1, totalBytes: 3 },
      { layer: '2c5ba97cb2d3', status: 'Pushed', bytes: 1, totalBytes: 3 },
    ]);
  });

  test('is found behind a daemon of that node that cannot be asked', async () => {
    const told: AgentEvent[] = [];
    const broken = new FakeOrigin({ name: 'docker', holds: () => Promise.reject(new Error('EACCES')) });
    const address = await agents.agent({
      origins: [broken, await holder(image)],
      observe: (event) => told.push(event),
    });
    expect(await ask([address]).asking.find(SOURCE, never)).toMatchObject({ digest: digestOf(image) });
    expect(told.map(({ type }) => type)).toEqual(['daemon-failed', 'asked']);
  });

  test('is listed, by each name once, with what is known of the node that has all of it', async () => {
    const reference = SOURCE;
    const some = { reference, digest: digestOf(image), whole: false, why: 'sha256:… is not there' };
    const all = { reference, digest: digestOf(image), whole: true };
    const [one, other] = [
      await agents.agent({ origins: [new FakeOrigin({ list: [some] })] }),
      await agents.agent({ origins: [new FakeOrigin({ list: [all] })] }),
    ];
    expect(await ask([one, other]).asking.list(never)).toEqual([all]);
    expect(await ask([one]).asking.list(never)).toEqual([some]);
  });

  test('is listed without a digest where its name stands for another image on another node', async () => {
    const whole = { reference: SOURCE, whole: true };
    const addresses = await Promise.all(
      [image, index, index].map((made) =>
        agents.agent({ origins: [new FakeOrigin({ list: [{ ...whole, digest: digestOf(made) }] })] }),
      ),
    );
    expect(await ask(addresses).asking.list(never)).toEqual([whole]);
  });
});

describe('of many agents', () => {
  test('the one with all of the image is taken, before one with a part of it', async () => {
    const part = await agents.agent({ origins: [await holder(image, { index: digestOf(index) })] });
    const none = await agents.agent({ origins: [new FakeOrigin()] });
    const all = await agents.agent({ origins: [await holder(index)] });
    expect(await ask([part, none, all]).asking.find(SOURCE, never)).toMatchObject({
      digest: digestOf(index),
    });
  });

  test('none that holds another digest than the source asks for is taken', async () => {
    const address = await agents.agent({ origins: [await holder(image)] });
    const pinned = { ...SOURCE, digest: digestOf(index) };
    expect(await ask([address]).asking.find(pinned, never)).toBeUndefined();
  });

  test('all are found behind one name, and each is asked once', async () => {
    const origins = [new FakeOrigin(), new FakeOrigin()];
    const [first, second] = [
      await agents.agent({ origins: origins.slice(0, 1) }),
      await agents.agent({ origins: origins.slice(1) }),
    ];
    const { asking } = ask(
      [first, second, first].map(({ port }) => ({ host: 'agents.example.com', port })),
      { resolve: async () => ['127.0.0.1'] },
    );
    expect(await asking.find(SOURCE, never)).toBeUndefined();
    expect(origins.map(({ calls }) => calls.length)).toEqual([1, 1]);
  });

  test('a name without addresses is told of, and the others are asked', async () => {
    const address = await agents.agent({ origins: [await holder(image)] });
    const { asking, events } = ask([{ host: 'nobody.invalid', port: 1 }, address], {
      resolve: async (host) => {
        if (host === 'nobody.invalid') throw new Error('ENOTFOUND');
        return [host];
      },
    });
    expect(await asking.find(SOURCE, never)).toBeDefined();
    expect(events[0]).toMatchObject({ type: 'no-agents', address: 'nobody.invalid:1' });
  });

  test('one that is down is told of and does not matter', async () => {
    const down = await agents.server(() => undefined);
    const address = await agents.agent({ origins: [await holder(image)] });
    const { asking, events } = ask([{ ...down, port: 1 }, address]);
    expect(await asking.find(SOURCE, never)).toMatchObject({ digest: digestOf(image) });
    await expect.poll(() => events).not.toEqual([]);
    const failed = events.filter(({ type }) => type === 'agent-failed');
    for (const event of failed) expect(event).toHaveProperty('error.code', 'UNREACHABLE');
  });

  test('one that never answers is given up', async () => {
    const silent = await agents.server(() => undefined);
    const { asking, events } = ask([silent], { longestAnswerMs: 200 });
    expect(await asking.find(SOURCE, never)).toBeUndefined();
    expect(events).toMatchObject([{ type: 'agent-failed' }]);
  });

  test('the wait ends with the caller', async () => {
    const silent = await agents.server(() => undefined);
    const { asking, events } = ask([silent]);
    const gone = new AbortController();
    const finding = asking.find(SOURCE, gone.signal);
    gone.abort();
    await expect(finding).rejects.toThrow('aborted');
    expect(events).toEqual([]);
  });
});

describe('nobody without the right certificate', () => {
  test('is answered by an agent: one of another authority', async () => {
    const origin = await holder(image);
    const address = await agents.agent({ origins: [origin] });
    const { authority, stranger } = agents.certificates();
    const { asking, events } = ask([address], {
      identity: async () => identityOf({ authority, client: stranger }),
    });
    expect(await asking.find(SOURCE, never)).toBeUndefined();
    expect(events).toMatchObject([
      { type: 'agent-failed', error: { message: expect.stringContaining('does not trust') } },
    ]);
    expect(origin.calls).toEqual([]);
  });

  test('is answered by an agent: one of the same authority that is for servers, such as another agent’s', async () => {
    const origin = await holder(image);
    const address = await agents.agent({ origins: [origin] });
    const { authority, agent } = agents.certificates();
    const { asking, events } = ask([address], {
      identity: async () => identityOf({ authority, client: agent }),
    });
    expect(await asking.find(SOURCE, never)).toBeUndefined();
    expect(events).toMatchObject([
      { type: 'agent-failed', error: { message: expect.stringContaining('does not trust') } },
    ]);
    expect(origin.calls).toEqual([]);
  });

  test.each<[string, () => Promise<AgentAddress>]>([
    ['of another authority', async () => agents.server(() => undefined, agents.certificates().stranger)],
    [
      'of the authority, but with another name: the webhook’s own',
      async () =>
        agents.server(
          () => undefined,
          await makeServerCertificate(agents.certificates().authority, {
            names: ['image-cloner.image-cloner.svc'],
            days: 1,
          }),
        ),
    ],
  ])('is believed to be an agent: one %s', async (_what, start) => {
    const { asking, events } = ask([await start()]);
    expect(await asking.find(SOURCE, never)).toBeUndefined();
    expect(events).toMatchObject([{ type: 'agent-failed', error: { code: 'UNTRUSTED' } }]);
  });
});

/** Says that it holds the image, and goes away when it is to push. */
function dying(): Promise<AgentAddress> {
  return agents.server((request, response) => {
    request.resume();
    const holding = { faithful: true, digest: digestOf(image) };
    if (request.url === '/v1/push') response.destroy();
    else response.end(JSON.stringify({ holding }));
  });
}

describe('a push through an agent', () => {
  test('that the backup registry refuses fails with its reason', async () => {
    const backup = await stage.registry({
      faults: [{ method: 'POST', path: /./, answer: refusal(403, 'DENIED') }],
    });
    await expect(find().then((held) => pushTo(held, backup))).rejects.toMatchObject({ code: 'DENIED' });
  });

  test('outside of the backup registry is refused', async () => {
    const backup = await stage.registry();
    const held = await find({ mayPush: ({ host }) => host === 'registry.example.com' });
    await expect(pushTo(held, backup)).rejects.toMatchObject({ code: 'NOT_ALLOWED' });
    expect(backup.requests()).toEqual([]);
  });

  test('of an image that the node has lost meanwhile says so', async () => {
    const held = await content(image);
    let asked = 0;
    const origin = new FakeOrigin({ holds: () => ((asked += 1) === 1 ? held : undefined) });
    const backup = await stage.registry();
    await expect(find({ origins: [origin] }).then((one) => pushTo(one, backup))).rejects.toMatchObject({
      code: 'NOT_HELD',
    });
  });

  test('is tried with the next daemon of the node when one loses content', async () => {
    const lossy = await content(image);
    if ('source' in lossy) lossy.source.fetch = () => Promise.reject(new Error('gone'));
    const first = new FakeOrigin({ name: 'docker', holds: () => lossy });
    const backup = await stage.registry();
    const held = await find({ origins: [first, await holder(image)] });
    await pushTo(held, backup);
    expect(backup.tags('backup/app')).toEqual(['v1']);
  });

  describe('that breaks down', () => {
    test('is made by another that holds as much', async () => {
      const good = await agents.agent({ origins: [await holder(image)] });
      const bad = await dying();
      // Whichever was faster, in the end it is the good one.
      for (const addresses of [
        [bad, good],
        [good, bad],
      ]) {
        const backup = await stage.registry();
        await pushTo(await ask(addresses).asking.find(SOURCE, never), backup);
        expect(backup.manifest('backup/app', 'v1')).toEqual(image.content.bytes);
      }
    });

    test('is not made by one that holds less', async () => {
      const part = await agents.agent({ origins: [await holder(image, { index: digestOf(index) })] });
      const backup = await stage.registry();
      const { asking, events } = ask([await dying(), part]);
      await expect(asking.find(SOURCE, never).then((held) => pushTo(held, backup))).rejects.toMatchObject({
        code: 'UNREACHABLE',
      });
      expect(events.filter(({ type }) => type === 'agent-failed')).toHaveLength(1);
      expect(backup.requests('PUT')).toEqual([]);
    });
  });

  test('that takes long shows that it lives', async () => {
    const slow = Promise.withResolvers<void>();
    const held: Held = {
      faithful: false,
      push: () => slow.promise.then(() => Promise.reject(new Error('x'))),
    };
    const address = await agents.agent({
      origins: [new FakeOrigin({ holds: () => held })],
      signOfLifeMs: 1,
    });
    const found = await ask([address]).asking.find(SOURCE, never);
    setTimeout(() => slow.resolve(), 20);
    await expect(pushTo(found, await stage.registry())).rejects.toMatchObject({ code: 'UNKNOWN' });
  });

  test('ends on the node when nobody waits for it any more', async () => {
    const begun = Promise.withResolvers<AbortSignal>();
    const held: Held = {
      faithful: false,
      push: (_backup, _tag, _options, signal) => {
        begun.resolve(signal);
        return new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)));
      },
    };
    const address = await agents.agent({ origins: [new FakeOrigin({ holds: () => held })] });
    const found = await ask([address]).asking.find(SOURCE, never);
    const caller = new AbortController();
    const pushing = found?.push(parseReference('r.example.com/a:1'), '1', {}, caller.signal);
    const onNode = await begun.promise;
    caller.abort();
    await expect(pushing).rejects.toThrow('aborted');
    await expect.poll(() => onNode.aborted).toBe(true);
  });
});

describe('what is no agent’s answer', () => {
  test.each<[string, number, string, string]>([
    ['no JSON', 200, '<html>', 'PROTOCOL'],
    ['no object', 200, '[1]', 'PROTOCOL'],
    ['no holding', 200, '{}', 'PROTOCOL'],
    ['a holding of another kind', 200, '{"holding":{"faithful":"yes"}}', 'PROTOCOL'],
    ['a digest that is none', 200, '{"holding":{"faithful":true,"digest":"../x"}}', 'PROTOCOL'],
    ['a part of nothing', 200, '{"holding":{"faithful":true,"partial":{"index":1}}}', 'PROTOCOL'],
    ['an error without words', 502, '{}', 'PROTOCOL'],
    ['an error', 502, '{"error":{"code":"UNREACHABLE_DAEMON","message":"no socket"}}', 'UNREACHABLE_DAEMON'],
  ])('%s is told of and passed over', async (_what, status, body, code) => {
    const address = await agents.server((request, response) => {
      request.resume();
      response.writeHead(status).end(body);
    });
    const { asking, events } = ask([address]);
    expect(await asking.find(SOURCE, never)).toBeUndefined();
    expect(events).toMatchObject([{ type: 'agent-failed', error: { code } }]);
  });

  test.each<[string, string, string]>([
    ['ends before it is done', '{}\n{}\n', 'UNREACHABLE'],
    ['is no JSON', 'nonsense\n', 'PROTOCOL'],
    ['is a line without end', `{"a":"${'x'.repeat(200_000)}`, 'UNREACHABLE'],
    ['is an error', '{}\n{"error":{"code":"DENIED","message":"no"}}\n', 'DENIED'],
  ])('to a push that %s is a failure', async (_what, body, code) => {
    const address = await agents.server((request, response) => {
      request.resume();
      const isPush = request.url === '/v1/push';
      response.writeHead(200).end(isPush ? body : '{"holding":{"faithful":true}}');
    });
    const found = await ask([address]).asking.find(SOURCE, never);
    await expect(pushTo(found, await stage.registry())).rejects.toMatchObject({ code });
  });

  test.each([
    ['an agent of before, which tells nothing', '{}\n'],
    ['words without sense', '{"progress":7}\n{"progress":{"layer":"x"}}\n{"more":true}\n'],
  ])('to a push that ends well is none, whatever was told meanwhile: %s', async (_what, said) => {
    const address = await agents.server((request, response) => {
      request.resume();
      const isPush = request.url === '/v1/push';
      response.writeHead(200).end(isPush ? `${said}{"pushed":{}}\n` : '{"holding":{"faithful":true}}');
    });
    const told: TransferProgress[] = [];
    const found = await ask([address]).asking.find(SOURCE, never);
    await found?.push(SOURCE, 'v1', { onProgress: (one) => told.push(one) }, never);
    expect(told).toEqual([]);
  });

  test('to a push that breaks off is a failure', async () => {
    const address = await agents.server((request, response) => {
      request.resume();
      if (request.url !== '/v1/push') response.writeHead(200).end('{"holding":{"faithful":true}}');
      else response.writeHead(200).write('{}\n', () => response.destroy());
    });
    const found = await ask([address]).asking.find(SOURCE, never);
    // Who has answered trusts our certificate: nothing of that may be said.
    await expect(pushTo(found, await stage.registry())).rejects.toMatchObject({
      code: 'UNREACHABLE',
      message: expect.stringMatching(/^Agent \S+ broke off its answer: aborted$/),
    });
  });
});
