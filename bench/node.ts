import { join } from 'node:path';
import { DOCKER_MANIFEST, OCI_MANIFEST } from '../src/image/media-type.ts';
import { CommandError } from '../test/e2e/harness/command.ts';
import { Containerd } from '../test/e2e/harness/containerd.ts';
import { DockerEngine, type DockerEngineOptions } from '../test/e2e/harness/docker-engine.ts';
import { statusOf } from '../test/e2e/harness/http-status.ts';
import { programOf } from '../test/e2e/harness/part.ts';
import { WorkFolder } from '../test/e2e/harness/work-folder.ts';
import { makeImage } from '../test/images/image.ts';
import { pushImage, repositoryAt } from '../test/images/push.ts';
import { type Command, type Cost, measure } from './measurement.ts';
import { build, OWN_CHECKOUT } from './own.ts';
import { Warehouse } from './stage.ts';
import { median } from './statistics.ts';
import { type Column, tableOf } from './table.ts';

// An image of 1 GB that a daemon of this node holds, its source gone: what it takes to get it into a registry. What the
// daemon itself takes is in the wall time alone.

const ROUNDS = 3;
const LAYERS = [1, 2, 3, 4, 5].map((seed) => ({ size: 200 * 1024 * 1024, seed: 6_000 + seed }));
const NAME = 'bench/node:v1';
/** docker-registry says of a manifest whose type was not asked for that it is unknown. */
const ANY = [OCI_MANIFEST, DOCKER_MANIFEST].join(', ');
const MEGA = 1_000_000;

/** One way to push the image. */
interface Way {
  readonly name: string;
  readonly command: (target: string) => Promise<Command>;
}

/** A daemon that holds the image. */
interface Holder {
  readonly name: string;
  readonly ways: readonly Way[];
  readonly close: () => Promise<void>;
}

type Open = (source: string, own: string) => Promise<Holder>;

const HOLDERS: readonly Open[] = [
  openContainerd,
  (source, own) => openDocker(source, own, 'Docker 20.10, classic store', {}),
  (source, own) =>
    openDocker(source, own, 'Docker 28, containerd store', { version: '28', imageStore: 'containerd' }),
];

const COLUMNS: readonly Column<{ readonly name: string; readonly costs: readonly Cost[] }>[] = [
  { heading: 'way', cell: ({ name }) => name },
  { heading: 'wall ms', cell: ({ costs }) => middle(costs.map(({ wallMs }) => wallMs)) },
  { heading: 'CPU ms', cell: ({ costs }) => middle(costs.map(({ cpuMs }) => cpuMs)) },
  { heading: 'peak MB', cell: ({ costs }) => middle(costs.map(({ peakBytes }) => peakBytes / MEGA)) },
];

const own = join(await build(OWN_CHECKOUT), 'copy-many.js');
const image = await makeImage({ layers: LAYERS, runnable: true });
for (const open of HOLDERS) {
  const holder = await openWithSource(open);
  try {
    console.log(`### ${holder.name}\n\n${await compare(holder)}\n`);
  } finally {
    await holder.close();
  }
}

/** The source is there only until the daemon has the image. */
async function openWithSource(open: Open): Promise<Holder> {
  const source = await Warehouse.open();
  try {
    await pushImage(repositoryAt(source.server.url, 'bench/node'), image, 'v1');
    return await open(`${source.server.host}/${NAME}`, own);
  } finally {
    await source.close();
  }
}

async function openContainerd(source: string, script: string): Promise<Holder> {
  const daemon = await Containerd.start('2');
  await daemon.images('content', 'fetch', '--plain-http', source);
  const ctr = ['--address', daemon.socket, '--namespace', 'k8s.io'];
  return {
    name: 'containerd 2.1',
    ways: [
      ownWay(script, source, { CONTAINERD_SOCKET: daemon.socket }),
      {
        name: 'ctr images push',
        command: async (target) => ({
          program: programOf('containerd', 'node/ctr'),
          args: [...ctr, 'images', 'push', '--plain-http', target, source],
          environment: {},
        }),
      },
    ],
    close: () => daemon.stop(),
  };
}

async function openDocker(
  source: string,
  script: string,
  name: string,
  options: DockerEngineOptions,
): Promise<Holder> {
  const engine = await DockerEngine.start(options);
  async function docker(...args: readonly string[]): Promise<void> {
    const result = await engine.docker(args);
    if (result.code !== 0) throw new CommandError('docker', args, result);
  }
  await docker('pull', '--quiet', source);
  return {
    name,
    ways: [
      ownWay(script, source, { DOCKER_SOCKET: engine.socket }),
      {
        name: 'docker push',
        command: async (target) => {
          await docker('tag', source, target);
          return {
            program: programOf('dockerd', 'docker'),
            args: ['--host', `unix://${engine.socket}`, 'push', '--quiet', target],
            environment: {},
          };
        },
      },
    ],
    close: () => engine.stop(),
  };
}

/** What stands behind the webhook: asks the source in vain, then the daemon. */
function ownWay(script: string, source: string, environment: Readonly<Record<string, string>>): Way {
  return {
    name: 'image-cloner',
    command: async (target) => ({ program: process.execPath, args: [script, source, target], environment }),
  };
}

async function compare({ ways }: Holder): Promise<string> {
  const rows = ways.map(({ name }): { name: string; costs: Cost[] } => ({ name, costs: [] }));
  for (let round = 0; round < ROUNDS; round++)
    for (const [index, way] of ways.entries()) rows[index]?.costs.push(await pushOnce(way));
  return tableOf(COLUMNS, rows);
}

async function pushOnce(way: Way): Promise<Cost> {
  const target = await Warehouse.open();
  const folder = new WorkFolder('bench-node');
  try {
    const cost = await measure(await way.command(`${target.server.host}/${NAME}`), folder);
    const status = await statusOf(`${target.server.url}/v2/bench/node/manifests/v1`, { accept: ANY });
    if (status !== 200) throw new Error(`Cannot find what ${way.name} pushed: got ${status}`);
    return cost;
  } finally {
    await folder.remove();
    await target.close();
  }
}

function middle(values: readonly number[]): string {
  return median(values).toFixed(0);
}
