import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { CopyLeases } from '../../src/kube/copy-leases.ts';
import { leaseNameOf } from '../../src/kube/lease-object.ts';
import { LeaseStore } from '../../src/kube/lease-store.ts';
import { PodAccount } from '../../src/kube/pod-account.ts';
import { ControlPlane } from './harness/control-plane.ts';
import { canRun } from './harness/need.ts';
import { WorkFolder } from './harness/work-folder.ts';

const NAMESPACE = 'image-cloner';
const ACCOUNT = `system:serviceaccount:${NAMESPACE}:image-cloner`;
const COPY = 'registry.example.com/backup/docker.io/library/alpine:3.12';
const SHIPPED = ['namespace', 'service-account', 'lease-role', 'lease-role-binding'];
/** The API server takes note of a right within a second; two busy cores are slower. */
const NOTED = { timeout: 120_000, interval: 200 };
/** Who is to renew a Lease once in so long has no test see it. */
const NEVER_MS = 24 * 3_600_000;
const { signal: never } = new AbortController();

describe.runIf(canRun('kube-apiserver', 'etcd', 'kubectl'))('Leases on an API server', () => {
  let plane: ControlPlane;
  let folder: WorkFolder;
  const accounts: PodAccount[] = [];
  const faults: unknown[] = [];

  beforeAll(async () => {
    folder = new WorkFolder('leases');
    plane = await ControlPlane.start();
    for (const name of SHIPPED) {
      const manifest = new URL(`../../deploy/${name}.yaml`, import.meta.url).pathname;
      // The binding names no namespace for its account: the kustomization does.
      const text = readFileSync(manifest, 'utf8').replace(
        /(kind: ServiceAccount\n\s+name: image-cloner)$/m,
        `$1\n    namespace: ${NAMESPACE}`,
      );
      const namespaced = name === 'namespace' ? [] : ['--namespace', NAMESPACE];
      await kubectl(['apply', ...namespaced, '--filename', folder.write(`${name}.yaml`, text)]);
    }
    const wanted = ['create', 'leases.coordination.k8s.io', NAMESPACE] as const;
    await vi.waitUntil(async () => (await mayDo(...wanted)) === 'yes', NOTED);
    await mountAccount();
  });

  afterAll(async () => {
    for (const account of accounts) account.close();
    await plane.stop();
    await folder.remove();
  });

  async function kubectl(args: readonly string[]): Promise<string> {
    const { code, stdout, stderr } = await plane.kubectl(args);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    return stdout.trim();
  }

  function cluster(field: string): Promise<string> {
    return kubectl(['config', 'view', '--raw', '--output', `jsonpath={.clusters[0].cluster.${field}}`]);
  }

  /** @returns `yes` or `no` */
  async function mayDo(verb: string, resource: string, namespace: string): Promise<string> {
    const question = ['auth', 'can-i', verb, resource, '--namespace', namespace, '--as', ACCOUNT];
    return (await plane.kubectl(question)).stdout.trim();
  }

  /** What the kubelet would mount. */
  async function mountAccount(): Promise<void> {
    folder.write('token', await kubectl(['create', 'token', 'image-cloner', '--namespace', NAMESPACE]));
    folder.write('ca.crt', readFileSync(await cluster('certificate-authority'), 'utf8'));
    folder.write('namespace', NAMESPACE);
  }

  async function replica(name: string, lifeMs = 60_000): Promise<CopyLeases> {
    const { hostname: host, port } = new URL(await cluster('server'));
    const account = new PodAccount({ dir: folder.path, host, port });
    accounts.push(account);
    const store = new LeaseStore(account, name);
    return new CopyLeases({ store, onFault: (fault) => faults.push(fault), pollMs: 50, lifeMs });
  }

  function holder(): Promise<string> {
    const lease = ['lease', leaseNameOf(COPY), '--namespace', NAMESPACE, '--ignore-not-found'];
    return kubectl(['get', ...lease, '--output', 'jsonpath={.spec.holderIdentity}']);
  }

  it('are had by one replica at a time, with the rights in deploy/', async () => {
    const first = await (await replica('a')).take(COPY, never, () => undefined);
    expect([first.waited, await holder()]).toEqual([false, 'a']);
    const waits = vi.fn<() => void>();
    const second = (await replica('b')).take(COPY, never, waits);
    await expect.poll(() => waits.mock.calls.length).toBe(1);
    expect(await holder()).toBe('a');
    await first.release();
    const { waited, release } = await second;
    expect([waited, await holder()]).toEqual([true, 'b']);
    await release();
    expect([await holder(), faults]).toEqual(['', []]);
  });

  it('are renewed while they are held, and taken over from a replica that died', async () => {
    const alive = await (await replica('alive', 300)).take(COPY, never, () => undefined);
    const renewTime = ['get', 'lease', leaseNameOf(COPY), '--namespace', NAMESPACE, '--output'];
    const before = await kubectl([...renewTime, 'jsonpath={.spec.renewTime}']);
    await expect.poll(() => kubectl([...renewTime, 'jsonpath={.spec.renewTime}'])).not.toBe(before);
    await alive.release();
    await (await replica('dead', NEVER_MS)).take(COPY, never, () => undefined);
    const heir = await (await replica('heir', 500)).take(COPY, never, () => undefined);
    expect([heir.waited, await holder()]).toEqual([true, 'heir']);
    await heir.release();
    expect([await holder(), faults]).toEqual(['', []]);
  });

  it.each([
    ['get', 'leases.coordination.k8s.io', NAMESPACE, 'yes'],
    ['delete', 'leases.coordination.k8s.io', NAMESPACE, 'yes'],
    ['get', 'leases.coordination.k8s.io', 'kube-node-lease', 'no'],
    ['list', 'leases.coordination.k8s.io', NAMESPACE, 'no'],
    ['get', 'secrets', NAMESPACE, 'no'],
    ['create', 'pods', NAMESPACE, 'no'],
    ['list', 'nodes', NAMESPACE, 'no'],
  ])('may %s %s in %s: %s', async (verb, resource, namespace, answer) => {
    expect(await mayDo(verb, resource, namespace)).toBe(answer);
  });

  it('that are forbidden are gone without, and the log says which right is missing', async () => {
    await kubectl(['delete', 'rolebinding', 'image-cloner', '--namespace', NAMESPACE]);
    await vi.waitUntil(async () => {
      const lease = await (await replica('a')).take(COPY, never, () => undefined);
      await lease.release();
      return faults.length > 0;
    }, NOTED);
    expect(faults).toMatchObject([{ code: 'FORBIDDEN', message: expect.stringContaining('403') }]);
  });
});
