import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { answer } from '../../test/fakes/answer.ts';
import { type FakeApiServer, node, pullSecret, startApiServer } from '../../test/fakes/api-server.ts';
import type { ListenerOptions } from '../../test/fakes/listener.ts';
import { tempFolder } from '../../test/fakes/temp-folder.ts';
import { ApiServer, type ApiServerOptions } from './api-server.ts';

const OBJECT = { namespace: 'shop', name: 'pull' };

async function scene(
  options: ListenerOptions & Omit<ApiServerOptions, 'kubeconfig'> = {},
): Promise<{ readonly server: FakeApiServer; readonly api: ApiServer }> {
  const { timeoutMs, ...listener } = options;
  const server = await startApiServer(listener);
  onTestFinished(() => server.close());
  const kubeconfig = join(await tempFolder(), 'kubeconfig');
  await writeFile(kubeconfig, server.kubeconfig);
  return { server, api: new ApiServer({ kubeconfig, ...(timeoutMs !== undefined && { timeoutMs }) }) };
}

async function names(api: ApiServer): Promise<(string | undefined)[]> {
  const found: (string | undefined)[] = [];
  for await (const { metadata } of api.nodes()) found.push(metadata?.name);
  return found;
}

describe('the API server', () => {
  test('is asked over a connection or two, however often, by our name', async () => {
    const { server, api } = await scene();
    server.put('secrets', pullSecret('shop', 'pull', {}));
    for (let times = 0; times < 30; times++)
      expect((await api.secret(OBJECT)).type).toBe('kubernetes.io/dockerconfigjson');
    expect(server.requests()).toHaveLength(30);
    expect(server.connections()).toBeLessThanOrEqual(3);
    expect(server.requests()[0]?.headers['user-agent']).toBe('image-cloner');
  });

  test('gives its nodes a page at a time', async () => {
    const { server, api } = await scene();
    const all = Array.from({ length: 1001 }, (_, index) => `node-${index}`);
    for (const name of all) server.put('nodes', node(name, 'linux', 'amd64'));
    expect(await names(api)).toEqual(all);
    expect(server.requests('GET', /nodes/)).toHaveLength(3);
  });

  test.each([
    [401, 'UNAUTHORIZED'],
    [403, 'FORBIDDEN'],
    [404, 'NOT_FOUND'],
    [429, 'UNAVAILABLE'],
    [500, 'UNAVAILABLE'],
  ])('that answers %s is told of by %s, and by nothing of its answer', async (status, code) => {
    const body = JSON.stringify({ kind: 'Status', message: 'hunter2' });
    const { api } = await scene({
      faults: [{ path: /./, answer: answer(status, { 'content-type': 'application/json' }, body) }],
    });
    const asked = api.secret(OBJECT);
    await expect(asked).rejects.toMatchObject({ code, status });
    const error = await asked.catch((thrown: unknown) => thrown);
    expect(String(error)).toBe(`KubeError: Cannot read secret shop/pull: the API server answered ${status}`);
    expect(error).not.toHaveProperty('cause');
  });

  test('that sends what is no JSON is unreachable, and what it sent is not told', async () => {
    const { api } = await scene({
      faults: [{ path: /./, answer: answer(200, { 'content-type': 'application/json' }, 'hunter2') }],
    });
    const error = await api.secret(OBJECT).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code: 'UNREACHABLE' });
    expect(String(error)).not.toContain('hunter2');
  });

  test('that is silent is waited for no longer than its time', async () => {
    const { api } = await scene({
      timeoutMs: 20,
      faults: [{ path: /./, wait: new Promise(() => undefined) }],
    });
    await expect(api.secret(OBJECT)).rejects.toMatchObject({ code: 'UNREACHABLE' });
  });

  test('that is not there is unreachable', async () => {
    const { server, api } = await scene();
    await server.close();
    await expect(api.serviceAccount(OBJECT)).rejects.toMatchObject({
      code: 'UNREACHABLE',
      message: expect.stringContaining('ECONNREFUSED'),
    });
  });
});

describe('where the API server is', () => {
  test('is not known outside of a cluster', () => {
    expect(() => new ApiServer()).toThrow(
      'run in a pod with a service account token, or set access.kubeconfig',
    );
  });

  test.each([
    ['no file', undefined],
    ['no YAML', '{'],
    ['no clusters', '{}'],
    ['no current context', JSON.stringify({ clusters: [], users: [], contexts: [] })],
  ])('is not said by %s', async (_what, text) => {
    const kubeconfig = join(await tempFolder(), 'kubeconfig');
    if (text !== undefined) await writeFile(kubeconfig, text);
    expect(() => new ApiServer({ kubeconfig })).toThrow(expect.objectContaining({ code: 'NOT_CONFIGURED' }));
  });
});
