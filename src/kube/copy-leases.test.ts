import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { answer } from '../../test/fakes/answer.ts';
import { type LeaseServer, startLeaseServer } from '../../test/fakes/lease-server.ts';
import { CopyLeases } from './copy-leases.ts';
import { leaseNameOf } from './lease-object.ts';
import { LeaseStore } from './lease-store.ts';
import { PodAccount } from './pod-account.ts';

const COPY = 'registry.example.com/backup/docker.io/library/alpine:3.12';
const never = new AbortController().signal;

let server: LeaseServer;
let folder: string;
let accounts: PodAccount[];

beforeEach(async () => {
  server = await startLeaseServer();
  folder = await mkdtemp(join(tmpdir(), 'image-cloner-'));
  server.mountInto(folder);
  accounts = [];
});
afterEach(async () => {
  for (const account of accounts) account.close();
  await server.close();
  await rm(folder, { recursive: true, force: true });
});

interface Replica {
  readonly leases: CopyLeases;
  readonly faults: unknown[];
}

/** @param lifeMs short where a holder dies, long where it must not matter */
function replica(holder: string, { lifeMs = 60_000, host = server.address.host } = {}): Replica {
  const account = new PodAccount({ dir: folder, ...server.address, host });
  accounts.push(account);
  const faults: unknown[] = [];
  const store = new LeaseStore(account, holder);
  const leases = new CopyLeases({ store, onFault: (fault) => faults.push(fault), pollMs: 5, lifeMs });
  return { leases, faults };
}

function ignore(): void {}

describe('a lease', () => {
  test('is had at once by who asks first, and is gone when it is released', async () => {
    const { leases, faults } = replica('a');
    const lease = await leases.take(COPY, never, ignore);
    expect([lease.waited, server.holders()]).toEqual([false, { [leaseNameOf(COPY)]: 'a' }]);
    await lease.release();
    expect([server.holders(), faults]).toEqual([{}, []]);
    expect(server.requests().map(({ method }) => method)).toEqual(['POST', 'DELETE']);
  });

  test('is had by one at a time, and the next one is told that it has waited', async () => {
    const first = await replica('a').leases.take(COPY, never, ignore);
    const waits = vi.fn<() => void>();
    const second = replica('b').leases.take(COPY, never, waits);
    await server.seen('GET', /leases/, 3);
    expect([server.holders(), waits.mock.calls.length]).toEqual([{ [leaseNameOf(COPY)]: 'a' }, 1]);
    await first.release();
    const { waited, release } = await second;
    expect([waited, server.holders()]).toEqual([true, { [leaseNameOf(COPY)]: 'b' }]);
    await release();
  });

  test('of another copy is another one', async () => {
    const { leases } = replica('a');
    const taken = await Promise.all([COPY, `${COPY}2`].map((name) => leases.take(name, never, ignore)));
    expect(taken.map(({ waited }) => waited)).toEqual([false, false]);
    for (const lease of taken) await lease.release();
  });

  test('is held by one of many that ask at the same time, and all have it in the end', async () => {
    let holding = 0;
    const most: number[] = [];
    const works = Array.from({ length: 6 }, async (_, index) => {
      const lease = await replica(`replica-${index}`).leases.take(COPY, never, ignore);
      holding += 1;
      most.push(holding);
      await server.seen('GET', /leases/, most.length);
      holding -= 1;
      await lease.release();
    });
    await Promise.all(works);
    expect(most).toEqual([1, 1, 1, 1, 1, 1]);
  });

  test('is renewed for as long as it is held', async () => {
    const lease = await replica('a', { lifeMs: 30 }).leases.take(COPY, never, ignore);
    const waiting = replica('b').leases.take(COPY, never, ignore);
    await server.seen('PUT', /leases/, 4);
    await server.seen('GET', /leases/, 1);
    expect(server.holders()).toEqual({ [leaseNameOf(COPY)]: 'a' });
    await lease.release();
    const { waited, release } = await waiting;
    expect(waited).toBe(true);
    await release();
  });

  test('of a holder that died is taken over', async () => {
    await replica('dead').leases.take(COPY, never, ignore);
    const { waited, release } = await replica('b', { lifeMs: 20 }).leases.take(COPY, never, ignore);
    expect([waited, server.holders()]).toEqual([true, { [leaseNameOf(COPY)]: 'b' }]);
    await release();
  });

  test('that was taken over is not given back by who had it before', async () => {
    const asleep = await replica('asleep').leases.take(COPY, never, ignore);
    const { release } = await replica('b', { lifeMs: 20 }).leases.take(COPY, never, ignore);
    await asleep.release();
    expect(server.holders()).toEqual({ [leaseNameOf(COPY)]: 'b' });
    await release();
  });

  test('is waited for no longer than the signal says', async () => {
    const held = await replica('a').leases.take(COPY, never, ignore);
    const controller = new AbortController();
    const waiting = replica('b').leases.take(COPY, controller.signal, () =>
      controller.abort(new Error('enough')),
    );
    await expect(waiting).rejects.toThrow('enough');
    await held.release();
  });
});

describe('work goes on without a lease', () => {
  test.each([
    ['may not be had', 403, 'FORBIDDEN'],
    ['is refused to a token that ran out', 401, 'UNAUTHORIZED'],
    ['fails', 500, 'UNAVAILABLE'],
  ])('that %s', async (_name, status, code) => {
    server.play({ method: 'POST', path: /leases/, answer: answer(status, {}, 'no') });
    const { leases, faults } = replica('a');
    const lease = await leases.take(COPY, never, ignore);
    await lease.release();
    expect([lease.waited, faults]).toMatchObject([false, [{ name: 'KubeError', code }]]);
  });

  test('whose answer is no object', async () => {
    server.play({ method: 'POST', path: /leases/, answer: answer(201, {}, '<html>') });
    const { leases, faults } = replica('a');
    await (await leases.take(COPY, never, ignore)).release();
    expect(faults).toMatchObject([{ code: 'UNAVAILABLE' }]);
  });

  test('where nothing answers, and says so without the token', async () => {
    const { leases, faults } = replica('a', { host: '127.0.0.2' });
    await (await leases.take(COPY, never, ignore)).release();
    expect(faults).toMatchObject([{ code: 'UNREACHABLE', message: expect.stringContaining('ECONNREFUSED') }]);
    expect(JSON.stringify(faults)).not.toContain('Bearer');
  });

  test('where a renewal fails: the next one is tried', async () => {
    server.play({ method: 'PUT', path: /leases/, answer: answer(500, {}, 'no'), times: 1 });
    const { leases, faults } = replica('a', { lifeMs: 30 });
    const lease = await leases.take(COPY, never, ignore);
    await server.seen('PUT', /leases/, 3);
    await lease.release();
    expect([faults, server.holders()]).toMatchObject([[{ code: 'UNAVAILABLE' }], {}]);
  });

  test('where the pod has no account', async () => {
    await rm(folder, { recursive: true });
    const { leases, faults } = replica('a');
    await (await leases.take(COPY, never, ignore)).release();
    expect(faults).toMatchObject([{ code: 'NOT_CONFIGURED', message: expect.stringContaining('ENOENT') }]);
  });
});

test('a program that is in no pod is told what is missing', () => {
  expect(() => new PodAccount({ dir: '/nowhere', host: undefined, port: undefined })).toThrow(
    /KUBERNETES_SERVICE_HOST/,
  );
});
