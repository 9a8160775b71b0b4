import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import {
  type FakeApiServer,
  type KubeObject,
  pullSecret,
  serviceAccount,
  startApiServer,
} from '../../test/fakes/api-server.ts';
import { tempFolder } from '../../test/fakes/temp-folder.ts';
import { ApiServer } from './api-server.ts';
import { KubeError } from './kube-error.ts';
import { PullSecretReader } from './pull-secret-reader.ts';

const AUTHS = { 'r.example.com': { username: 'u', password: 'p' } };

async function scene(): Promise<{ readonly server: FakeApiServer; readonly reader: PullSecretReader }> {
  const server = await startApiServer();
  onTestFinished(() => server.close());
  const kubeconfig = join(await tempFolder(), 'kubeconfig');
  await writeFile(kubeconfig, server.kubeconfig);
  server.put('serviceaccounts', serviceAccount('shop', 'default', []));
  return { server, reader: new PullSecretReader(new ApiServer({ kubeconfig })) };
}

function dockercfg(name: string): KubeObject {
  const text = Buffer.from(JSON.stringify(AUTHS)).toString('base64');
  return {
    metadata: { name, namespace: 'shop' },
    type: 'kubernetes.io/dockercfg',
    data: { '.dockercfg': text },
  };
}

describe('the pull secrets of a pod', () => {
  test('are those that it names, then those of its account, each once', async () => {
    const { server, reader } = await scene();
    for (const name of ['one', 'two', 'three']) server.put('secrets', pullSecret('shop', name, AUTHS));
    server.put('serviceaccounts', serviceAccount('shop', 'builder', ['two', 'three']));
    const { secrets, faults } = await reader.read('shop', {
      names: ['two', 'one'],
      serviceAccount: 'builder',
    });
    expect(secrets.map(({ name }) => name)).toEqual(['two', 'one', 'three']);
    expect(faults).toEqual([]);
    expect(secrets[0]).toEqual({
      namespace: 'shop',
      name: 'two',
      form: 'dockerconfigjson',
      text: JSON.stringify({ auths: AUTHS }),
    });
  });

  test('are of both types, and of no other', async () => {
    const { server, reader } = await scene();
    server.put('secrets', dockercfg('old'));
    const data = { '.dockerconfigjson': 'e30=' };
    server.put('secrets', { metadata: { name: 'opaque', namespace: 'shop' }, type: 'Opaque', data });
    server.put('secrets', {
      metadata: { name: 'empty', namespace: 'shop' },
      type: 'kubernetes.io/dockerconfigjson',
    });
    const { secrets } = await reader.read('shop', { names: ['opaque', 'old', 'empty'] });
    expect(secrets).toMatchObject([{ form: 'dockercfg', text: JSON.stringify(AUTHS) }]);
  });

  test('that are not there are none, as is the account', async () => {
    const { reader } = await scene();
    expect(await reader.read('shop', { names: ['gone'], serviceAccount: 'gone' })).toEqual({
      secrets: [],
      faults: [],
    });
  });

  test('that may not be read are told, and the others are read', async () => {
    const { server, reader } = await scene();
    server.put('secrets', pullSecret('shop', 'mine', AUTHS));
    server.allow = (action) => action === 'get secrets shop/mine';
    const { secrets, faults } = await reader.read('shop', {
      names: ['mine', 'other'],
      serviceAccount: 'default',
    });
    expect(secrets.map(({ name }) => name)).toEqual(['mine']);
    expect(faults).toMatchObject([
      { resource: 'secrets', namespace: 'shop', name: 'other', error: { code: 'FORBIDDEN', status: 403 } },
      { resource: 'serviceaccounts', name: 'default', error: { code: 'FORBIDDEN' } },
    ]);
  });

  test('that may not be read are told in the order of the pod, whichever answer comes first', async () => {
    const forbidden = new KubeError('read', 'forbidden', 'FORBIDDEN', 403);
    const { promise: told, resolve: tell } = Promise.withResolvers<void>();
    const reader = new PullSecretReader({
      secret: () => told.then(() => Promise.reject(forbidden)),
      serviceAccount: async () => {
        tell();
        throw forbidden;
      },
    });
    const { faults } = await reader.read('shop', { names: ['pull'], serviceAccount: 'default' });
    expect(faults.map(({ resource }) => resource)).toEqual(['secrets', 'serviceaccounts']);
  });

  test('are those of the namespace, whatever another has by that name', async () => {
    const { server, reader } = await scene();
    server.put('secrets', pullSecret('bank', 'pull', AUTHS));
    await reader.read('bank', { names: ['pull'] });
    expect((await reader.read('shop', { names: ['pull'] })).secrets).toEqual([]);
  });
});

describe('what was read', () => {
  test('is not asked for again at once, nor twice at the same time', async () => {
    const { server, reader } = await scene();
    server.put('secrets', pullSecret('shop', 'pull', AUTHS));
    const wanted = { names: ['pull'], serviceAccount: 'default' };
    await Promise.all([reader.read('shop', wanted), reader.read('shop', wanted)]);
    await reader.read('shop', wanted);
    expect(server.requests()).toHaveLength(2);
  });
});
