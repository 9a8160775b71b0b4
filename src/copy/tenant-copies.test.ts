import { expect, test } from 'vitest';
import { answer, refusal } from '../../test/fakes/answer.ts';
import { type CopierStageOptions, copierOn } from '../../test/fakes/copying.ts';
import { FakeOrigin } from '../../test/fakes/origin.ts';
import type { ScriptedRegistry } from '../../test/fakes/scripted-registry.ts';
import { never, useStage } from '../../test/fakes/stage.ts';
import { makeImage } from '../../test/images/image.ts';
import { Repository } from '../registry/repository.ts';
import type { Copier } from './copier.ts';
import type { CopyEvent } from './event.ts';
import type { CopyTask } from './outcome.ts';
import type { Tenant } from './tenant.ts';

const stage = useStage();

const image = await makeImage();
const newer = await makeImage({ layers: [{ size: 700, seed: 9 }] });
const { digest } = image.content.descriptor;

const KEY = { username: 'reader', password: 'correct-horse' };
const WRONG = { username: 'reader', password: 'battery-staple' };

class NoCredentials extends Error {
  readonly code = 'NO_CREDENTIALS';
}

interface Scene {
  readonly source: ScriptedRegistry;
  readonly target: ScriptedRegistry;
  readonly copier: Copier;
  readonly events: CopyEvent[];
  /** A copy of `app:v1` that a namespace wants. @param secrets its passwords */
  readonly task: (namespace: string, secrets?: readonly (typeof KEY)[], shared?: boolean) => CopyTask;
  /** How often passwords were asked for. */
  readonly asked: () => number;
}

interface SceneOptions extends CopierStageOptions {
  /** The source lets everybody in. */
  readonly open?: boolean;
  readonly target?: ScriptedRegistry;
}

async function scene({ open = false, target, ...options }: SceneOptions = {}): Promise<Scene> {
  const images = [{ repository: 'app', tag: 'v1', image }];
  const source = await stage.registry({ images, ...(!open && { auth: { basic: KEY } }) });
  const backup = target ?? (await stage.registry());
  const events: CopyEvent[] = [];
  const reading = stage.client();
  let asked = 0;
  return {
    source,
    target: backup,
    copier: copierOn(stage, { observe: (event) => events.push(event), rememberMs: 60_000, ...options }),
    events,
    asked: () => asked,
    task: (namespace, secrets = [KEY], shared = false) => {
      const reference = { host: source.host, path: 'app', tag: 'v1' };
      const own = { host: backup.host, path: `backup/ns/${namespace}/app`, tag: 'v1' };
      const tenant: Tenant = {
        name: namespace,
        key: `${namespace} ${JSON.stringify(secrets)}`,
        ...(!shared && { backup: own }),
        sources: async () => {
          asked += 1;
          if (secrets.length === 0) throw new NoCredentials('Cannot read: no secret');
          return secrets.map((secret) => {
            const identity = JSON.stringify([namespace, secret]);
            const credentials = [{ kind: 'basic', ...secret } as const];
            return {
              identity,
              source: new Repository(reading, reference, 'pull', { name: identity, credentials }),
            };
          });
        },
      };
      return { source: reference, backup: { host: backup.host, path: 'backup/app', tag: 'v1' }, tenant };
    },
  };
}

function ownOf(namespace: string, { target }: Scene): object {
  return { host: target.host, path: `backup/ns/${namespace}/app`, tag: 'v1' };
}

function kinds(events: readonly CopyEvent[]): string[] {
  return events.map(({ type }) => type).filter((type) => !['blob-done', 'manifest-pushed'].includes(type));
}

function manifests(registry: ScriptedRegistry): number {
  return registry.requests(undefined, /manifests/).length;
}

test('what everybody may read is everybody’s copy, and no secret is looked at', async () => {
  const one = await scene({ open: true });
  const outcome = await one.copier.ensure(one.task('a'), never);
  expect(outcome).toMatchObject({ state: 'copied', digest });
  expect(outcome).not.toHaveProperty('ownBackup');
  expect([one.target.tags('backup/app'), one.target.tags('backup/ns/a/app')]).toEqual([['v1'], []]);
  expect(one.asked()).toBe(0);
});

test('everybody’s copy costs a tenant no request more than it costs everybody', async () => {
  const counts = await Promise.all(
    [true, false].map(async (isTenant) => {
      const one = await scene({ open: true });
      const { tenant: _tenant, ...plain } = one.task('a');
      for (let times = 0; times < 2; times++)
        await one.copier.ensure(isTenant ? one.task('a') : plain, never);
      return [one.source.requests().length, one.target.requests().length];
    }),
  );
  expect(counts[0]).toEqual(counts[1]);
});

test('what only a tenant may read is its own copy', async () => {
  const one = await scene();
  expect(await one.copier.ensure(one.task('a'), never)).toMatchObject({
    state: 'copied',
    digest,
    ownBackup: ownOf('a', one),
  });
  expect(one.target.manifest('backup/ns/a/app', 'v1')).toEqual(image.content.bytes);
  expect(one.target.tags('backup/app')).toEqual([]);
  expect(kinds(one.events)).toEqual(['not-for-everybody', 'started', 'finished']);
});

test('its second copy is asked for in one round trip: not as everybody any more', async () => {
  const one = await scene();
  await one.copier.ensure(one.task('a'), never);
  const [source, target] = [manifests(one.source), manifests(one.target)];
  expect(await one.copier.ensure(one.task('a'), never)).toMatchObject({ state: 'present', digest });
  expect([manifests(one.source) - source, manifests(one.target) - target]).toEqual([1, 1]);
});

test('a copy that was confirmed a moment ago costs nothing, and serves nobody else', async () => {
  const one = await scene({ freshMs: 60_000 });
  await one.copier.ensure(one.task('a'), never);
  const before = one.source.requests().length + one.target.requests().length;
  expect(await one.copier.ensure(one.task('a'), never)).toMatchObject({ ownBackup: ownOf('a', one) });
  expect(one.source.requests().length + one.target.requests().length).toBe(before);
  expect(await one.copier.ensure(one.task('b', []), never)).toMatchObject({ state: 'failed' });
});

test('a tenant without a secret gets nothing of another’s, and is told why', async () => {
  const one = await scene();
  await one.copier.ensure(one.task('a'), never);
  const outcome = await one.copier.ensure(one.task('b', []), never);
  expect(outcome).toMatchObject({ state: 'failed', error: { code: 'NO_CREDENTIALS', side: 'source' } });
  expect(await one.copier.find(one.task('b', []), never)).toBeUndefined();
});

test('a tenant with a wrong secret gets nothing, and the secret is not shown again for a while', async () => {
  const one = await scene();
  for (let times = 0; times < 3; times++)
    expect(await one.copier.ensure(one.task('b', [WRONG]), never)).toMatchObject({
      state: 'failed',
      error: { code: 'UNAUTHORIZED' },
    });
  const shown = one.source.requests().filter(({ headers }) => headers.authorization !== undefined);
  expect(shown).toHaveLength(1);
});

test('a secret that was put right counts at once', async () => {
  const one = await scene();
  await one.copier.ensure(one.task('b', [WRONG]), never);
  expect(await one.copier.ensure(one.task('b', [KEY]), never)).toMatchObject({ state: 'copied' });
});

test('all secrets are tried in turn', async () => {
  const one = await scene();
  expect(await one.copier.ensure(one.task('a', [WRONG, KEY]), never)).toMatchObject({ state: 'copied' });
});

test('a second tenant with a right of its own gets its own copy, and no byte is sent again', async () => {
  const one = await scene();
  await one.copier.ensure(one.task('a'), never);
  const outcome = await one.copier.ensure(one.task('b'), never);
  expect(outcome).toMatchObject({ state: 'copied', bytes: 0, ownBackup: ownOf('b', one) });
  const mounts = one.target.requests('POST', /ns\/b\/app\/blobs\/uploads/);
  expect(mounts.map(({ query }) => query.get('from'))).toEqual(mounts.map(() => 'backup/ns/a/app'));
  expect(one.target.requests('PUT', /ns\/b\/app\/blobs/)).toEqual([]);
});

test('a manifest that names another tenant’s blobs by their digests is not given them', async () => {
  const one = await scene();
  await one.copier.ensure(one.task('a'), never);
  const evil = await stage.registry({ images: [{ repository: 'evil', tag: 'v1', image }] });
  for (const { descriptor } of image.blobs) evil.dropBlob('evil', descriptor.digest);
  const { tenant, ...task } = one.task('b', []);
  const forged = { ...task, source: { host: evil.host, path: 'evil', tag: 'v1' } };
  for (const wanted of [{ ...forged, ...(tenant && { tenant }) }, forged])
    expect(await one.copier.ensure(wanted, never)).toMatchObject({ state: 'failed' });
  const from = one.target
    .requests('POST', /backup\/(?:app|ns\/b\/app)\/blobs/)
    .map(({ query }) => query.get('from'));
  expect(from).not.toContain('backup/ns/a/app');
});

test('two pods of one tenant that come with different secrets do not share a failure', async () => {
  const one = await scene();
  const [without, having] = await Promise.all([
    one.copier.ensure(one.task('a', []), never),
    one.copier.ensure(one.task('a', [KEY]), never),
  ]);
  expect([without.state, having.state]).toEqual(['failed', 'copied']);
});

test('tenants that ask at once each prove their own right', async () => {
  const one = await scene();
  const outcomes = await Promise.all(
    ['a', 'b', 'c'].map((name) => one.copier.ensure(one.task(name, name === 'c' ? [] : [KEY]), never)),
  );
  expect(outcomes.map(({ state }) => state)).toEqual(['copied', 'copied', 'failed']);
});

test.each([
  ['gone', { path: /./, cutAfterRequestBytes: 0 }],
  ['broken', { path: /./, answer: answer(500) }],
  ['withdrawn, which is said as 404', { path: /./, answer: refusal(404, 'NAME_UNKNOWN') }],
  ['withdrawn, which is said as 401', { path: /./, answer: refusal(401, 'UNAUTHORIZED') }],
  ['withdrawn, which is said as 403', { path: /./, answer: refusal(403, 'DENIED') }],
])(
  'a source that is %s leaves the copy to the tenant that made it, after a restart too',
  async (_how, fault) => {
    const before = await scene();
    await before.copier.ensure(before.task('a'), never);
    before.source.play(fault);
    const again = copierOn(stage, { rememberMs: 60_000, observe: (event) => before.events.push(event) });
    for (const copier of [before.copier, again]) {
      expect(await copier.ensure(before.task('a'), never)).toMatchObject({
        state: 'present',
        digest,
        ownBackup: ownOf('a', before),
      });
      expect(await copier.ensure(before.task('b'), never)).toMatchObject({ state: 'failed' });
    }
  },
);

test.each([
  ['silent', { path: /./, wait: new Promise<void>(() => undefined) }],
  ['counting us out', { path: /./, answer: refusal(429, 'TOOMANYREQUESTS', { 'retry-after': '3600' }) }],
])('a source that is %s is waited for no longer where the tenant has its copy', async (_how, fault) => {
  const before = await scene();
  await before.copier.ensure(before.task('a'), never);
  before.source.play(fault);
  const again = copierOn(stage, { sourceCheckMs: 1, timeoutMs: 600_000 });
  expect(await again.ensure(before.task('a'), never)).toMatchObject({ state: 'present', digest });
  await again.stop();
});

test('a tenant’s copy follows its tag', async () => {
  const one = await scene();
  await one.copier.ensure(one.task('a'), never);
  await one.source.seed({ repository: 'app', tag: 'v1', image: newer });
  expect(await one.copier.ensure(one.task('a'), never)).toMatchObject({
    state: 'copied',
    digest: newer.content.descriptor.digest,
  });
});

test('what is looked for is everybody’s copy, then the tenant’s own, and the source is not asked', async () => {
  const one = await scene();
  expect(await one.copier.find(one.task('a', []), never)).toBeUndefined();
  await one.copier.ensure(one.task('a'), never);
  const before = one.source.requests().length;
  expect(await one.copier.find(one.task('a', []), never)).toEqual({ digest, ownBackup: ownOf('a', one) });
  await one.target.seed({ repository: 'backup/app', tag: 'v1', image: newer });
  expect(await one.copier.find(one.task('a', []), never)).toEqual({
    digest: newer.content.descriptor.digest,
  });
  expect(one.source.requests()).toHaveLength(before);
});

test('who has no secret and asks for what is not there is told that it is not there', async () => {
  const one = await scene({ open: true });
  const task = one.task('a', []);
  const absent = { ...task, source: { ...task.source, tag: 'v9' } };
  expect(await one.copier.ensure(absent, never)).toMatchObject({
    state: 'failed',
    error: { code: 'NOT_FOUND' },
  });
});

test('what is not found is asked for with the same secret again: it may have been pushed since', async () => {
  const one = await scene();
  const task = one.task('a');
  const late = { ...task, source: { ...task.source, tag: 'v2' } };
  expect(await one.copier.ensure(late, never)).toMatchObject({
    state: 'failed',
    error: { code: 'NOT_FOUND' },
  });
  await one.source.seed({ repository: 'app', tag: 'v2', image });
  expect(await one.copier.ensure(late, never)).toMatchObject({ state: 'copied' });
});

test('of a refusal everybody hears once, the last word is the tenant’s', async () => {
  const one = await scene();
  await one.copier.ensure(one.task('a', []), never);
  expect(kinds(one.events)).toEqual(['not-for-everybody', 'failed']);
  const gone = await scene();
  gone.source.play({ path: /./, cutAfterRequestBytes: 0 });
  await gone.copier.ensure(gone.task('a'), never);
  expect(kinds(gone.events)).toEqual(['not-for-everybody', 'failed']);
});

test('settled waits for what tenants asked for', async () => {
  const one = await scene();
  const { promise, resolve } = Promise.withResolvers<void>();
  one.source.play({ path: /blobs/, wait: promise });
  void one.copier.ensure(one.task('a'), never);
  const settled = one.copier.settled();
  resolve();
  await settled;
  expect(one.target.tags('backup/ns/a/app')).toEqual(['v1']);
});

test('a caller whose time runs out is told that the copy goes on', async () => {
  const one = await scene();
  const { promise, resolve } = Promise.withResolvers<void>();
  one.source.play({ path: /blobs/, wait: promise });
  const caller = new AbortController();
  const outcome = one.copier.ensure(one.task('a'), caller.signal);
  await one.source.seen('GET', /blobs/);
  caller.abort();
  expect(await outcome).toEqual({ state: 'pending' });
  resolve();
  await one.copier.settled();
  expect(one.target.tags('backup/ns/a/app')).toEqual(['v1']);
});

test('with one tenant for all, a copy that needed a secret is everybody’s', async () => {
  const one = await scene();
  const outcome = await one.copier.ensure(one.task('a', [KEY], true), never);
  expect(outcome).toMatchObject({ state: 'copied', digest });
  expect(outcome).not.toHaveProperty('ownBackup');
  expect(await one.copier.ensure(one.task('b', [], true), never)).toMatchObject({ state: 'present', digest });
  await one.source.seed({ repository: 'app', tag: 'v1', image: newer });
  expect(await one.copier.ensure(one.task('c', [KEY], true), never)).toMatchObject({
    state: 'copied',
    digest: newer.content.descriptor.digest,
  });
});

test('with one tenant for all, nobody shows a secret for what everybody may read', async () => {
  const one = await scene({ open: true });
  await one.copier.ensure(one.task('a', [KEY], true), never);
  expect(one.asked()).toBe(0);
});

test.each([
  ['refuses everybody', undefined],
  ['is gone', { path: /./, cutAfterRequestBytes: 0 }],
  ['says that it is not there', { path: /./, answer: refusal(404, 'MANIFEST_UNKNOWN') }],
])(
  'no node is asked for what its source does not give: whose it was nobody knows. The source %s',
  async (_how, fault) => {
    const node = new FakeOrigin();
    const origins = { all: [node], credentialFor: async () => undefined };
    const one = await scene({ origins });
    if (fault !== undefined) one.source.play(fault);
    expect(await one.copier.ensure(one.task('a', []), never)).toMatchObject({ state: 'failed' });
    expect(node.calls).toEqual([]);
    // With one tenant for all, nodes are asked as ever.
    await one.copier.ensure(one.task('a', [], true), never);
    expect(node.calls).toHaveLength(1);
  },
);
