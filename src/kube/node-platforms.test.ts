import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { type FakeApiServer, node, startApiServer } from '../../test/fakes/api-server.ts';
import { tempFolder } from '../../test/fakes/temp-folder.ts';
import { ApiServer } from './api-server.ts';
import { NodePlatforms, type NodePlatformsEvent } from './node-platforms.ts';

interface Scene {
  readonly server: FakeApiServer;
  readonly nodes: NodePlatforms;
  readonly events: NodePlatformsEvent[];
}

async function scene(): Promise<Scene> {
  const server = await startApiServer();
  onTestFinished(() => server.close());
  const kubeconfig = join(await tempFolder(), 'kubeconfig');
  await writeFile(kubeconfig, server.kubeconfig);
  const events: NodePlatformsEvent[] = [];
  const api = new ApiServer({ kubeconfig });
  return { server, events, nodes: new NodePlatforms({ api, observe: (event) => events.push(event) }) };
}

const AMD = { os: 'linux', architecture: 'amd64' };
const ARM = { os: 'linux', architecture: 'arm64' };

test('the platforms are those of all nodes, each once', async () => {
  const { server, nodes, events } = await scene();
  server.put('nodes', node('b', 'linux', 'arm64'));
  for (const name of ['a', 'c']) server.put('nodes', node(name, 'linux', 'amd64'));
  server.put('nodes', { metadata: { name: 'new' } });
  await nodes.refresh();
  expect(nodes.current).toEqual([AMD, ARM]);
  await nodes.refresh();
  expect(events).toEqual([{ type: 'platforms', platforms: [AMD, ARM] }]);
});

test('a node that joins counts after the next look', async () => {
  const { server, nodes, events } = await scene();
  server.put('nodes', node('a', 'linux', 'amd64'));
  await nodes.refresh();
  server.put('nodes', node('b', 'linux', 'arm64'));
  await nodes.refresh();
  expect(nodes.current).toEqual([AMD, ARM]);
  expect(events).toHaveLength(2);
});

test('who may not list nodes does not know them, which is told once', async () => {
  const { server, nodes, events } = await scene();
  server.allow = () => false;
  await nodes.refresh();
  await nodes.refresh();
  expect(nodes.current).toEqual([]);
  expect(events).toMatchObject([{ type: 'unknown', error: { code: 'FORBIDDEN' } }]);
});

test('what was known stays while the API server is away, and while it tells of no node', async () => {
  const { server, nodes } = await scene();
  const a = node('a', 'linux', 'amd64');
  server.put('nodes', a);
  await nodes.refresh();
  server.remove('nodes', a);
  await nodes.refresh();
  expect(nodes.current).toEqual([AMD]);
  await server.close();
  await nodes.refresh();
  expect(nodes.current).toEqual([AMD]);
});
