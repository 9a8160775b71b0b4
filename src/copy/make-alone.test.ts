import { describe, expect, test } from 'vitest';
import { answer } from '../../test/fakes/answer.ts';
import { copierOn, taskBetween } from '../../test/fakes/copying.ts';
import type { Fault } from '../../test/fakes/fault.ts';
import { FakeLeases } from '../../test/fakes/leases.ts';
import type { ScriptedRegistry } from '../../test/fakes/scripted-registry.ts';
import { never, useStage } from '../../test/fakes/stage.ts';
import { makeImage } from '../../test/images/image.ts';
import type { Copier } from './copier.ts';
import type { CopyEvent } from './event.ts';
import type { Leases } from './lease.ts';
import type { CopyTask } from './outcome.ts';

const stage = useStage();
const [image, newer] = [await makeImage(), await makeImage({ layers: [{ size: 4_000, seed: 9 }] })];

interface Scene {
  readonly source: ScriptedRegistry;
  readonly target: ScriptedRegistry;
  readonly replicas: readonly Copier[];
  readonly events: CopyEvent[];
  readonly task: CopyTask;
}

/** Several processes with nothing in common but registries and leases. */
async function scene({
  leases = new FakeLeases(),
  faults = [],
}: {
  leases?: Leases;
  faults?: readonly Fault[];
} = {}): Promise<Scene> {
  const source = await stage.registry({ images: [{ repository: 'app', tag: 'v1', image }], faults });
  const target = await stage.registry();
  const events: CopyEvent[] = [];
  const replicas = [1, 2, 3].map(() => copierOn(stage, { leases, observe: (event) => events.push(event) }));
  return { source, target, replicas, events, task: taskBetween(source, target, { path: 'app', tag: 'v1' }) };
}

async function states({ replicas, task }: Scene): Promise<readonly string[]> {
  const outcomes = await Promise.all(replicas.map((replica) => replica.ensure(task, never)));
  return outcomes.map(({ state }) => state).toSorted();
}

describe('replicas that want the same copy at the same time', () => {
  test('make it once: every blob is read and sent by one of them', async () => {
    const all = await scene();
    expect(await states(all)).toEqual(['copied', 'present', 'present']);
    const blobs = image.blobs.length;
    expect(all.source.requests('GET', /blobs/)).toHaveLength(blobs);
    expect(all.target.requests('PUT', /uploads/)).toHaveLength(blobs);
    expect(all.events.filter(({ type }) => type === 'made-elsewhere')).toHaveLength(2);
  });

  test('and of whom the first one fails: the next one makes it', async () => {
    const all = await scene({
      faults: [{ method: 'GET', path: /blobs/, answer: answer(404), times: 1 }],
    });
    expect(await states(all)).toEqual(['copied', 'failed', 'present']);
  });

  test('of a tag that has moved follow it once', async () => {
    const all = await scene();
    await states(all);
    await all.source.seed({ repository: 'app', tag: 'v1', image: newer });
    const before = all.source.requests('GET', /blobs/).length;
    expect(await states(all)).toEqual(['copied', 'present', 'present']);
    expect(all.source.requests('GET', /blobs/).length - before).toBe(newer.blobs.length);
  });
});

test('a copy that is there wants no lease', async () => {
  const taken: string[] = [];
  const leases = new FakeLeases();
  const all = await scene({
    leases: {
      take: (name, signal, onWait) => {
        taken.push(name);
        return leases.take(name, signal, onWait);
      },
    },
  });
  await states(all);
  expect(taken).toHaveLength(3);
  await states(all);
  expect(taken).toHaveLength(3);
});

test('a wait for another replica that takes too long fails as what it is', async () => {
  const all = await scene({
    leases: { take: () => Promise.reject(new DOMException('late', 'TimeoutError')) },
  });
  const [replica] = all.replicas;
  expect(await replica?.ensure(all.task, never)).toMatchObject({
    state: 'failed',
    error: { side: 'target', operation: 'wait for another process that copies' },
  });
});
