import { mkdirSync, writeFileSync } from 'node:fs';
import { request } from 'undici';
import { WorkFolder } from '../test/e2e/harness/work-folder.ts';
import type { MadeImage } from '../test/images/image.ts';
import { pushImage, repositoryAt } from '../test/images/push.ts';
import type { Case } from './case.ts';
import { type Cost, measure } from './measurement.ts';
import type { Pair } from './pair.ts';
import {
  benchCertificate,
  directNetwork,
  type Journey,
  type Network,
  proxiedNetwork,
  Warehouse,
  writeDockerConfig,
} from './stage.ts';
import type { Surroundings, Tool } from './tool.ts';

/** An image in the source registry. */
export interface Seeded {
  readonly image: MadeImage;
  /** `bench/family-3`; the tag is always `TAG`. */
  readonly repository: string;
}

export const TAG = 'v1';

export interface RunOptions {
  readonly tool: Tool;
  readonly testCase: Case;
  /** Host of the registry that has the images. */
  readonly source: string;
  readonly images: readonly Seeded[];
  /** Put proxies in between, which cost time. */
  readonly isCounted: boolean;
}

export interface Run {
  readonly cost: Cost;
  readonly journey: Journey | undefined;
}

/** Copies once, into a registry that is new, and makes sure that the copy is there. */
export async function runOnce(options: RunOptions): Promise<Run> {
  const { testCase, images } = options;
  const warehouse = await Warehouse.open();
  try {
    const { url } = warehouse.server;
    if (testCase.isPresent) await seed(url, images);
    const network = await networkOf(options, await warehouse.hostFor(testCase));
    const run = await runThrough(network, options);
    for (const image of images) await check(url, image);
    return run;
  } finally {
    await warehouse.close();
  }
}

async function runThrough(network: Network, options: RunOptions): Promise<Run> {
  try {
    const cost = await measureTool(options, network);
    return { cost, journey: network.journey() };
  } finally {
    await network.close();
  }
}

export async function seed(url: string, images: readonly Seeded[]): Promise<void> {
  for (const { image, repository } of images) await pushImage(repositoryAt(url, repository), image, TAG);
}

function networkOf({ testCase, source, isCounted }: RunOptions, target: string): Promise<Network> {
  const { delayMs, wantsTokens, speaksTls } = testCase;
  if (speaksTls || (!isCounted && delayMs === 0 && !wantsTokens))
    return Promise.resolve(directNetwork(source, target));
  return proxiedNetwork({ source, target, delayMs, wantsTokens });
}

async function measureTool({ tool, testCase, images }: RunOptions, network: Network): Promise<Cost> {
  const folder = new WorkFolder('bench');
  try {
    const [home, dockerConfig] = [folder.file('home'), folder.file('docker')];
    for (const path of [home, dockerConfig]) mkdirSync(path);
    writeDockerConfig(dockerConfig, network);
    const pairs = images.map(({ repository }) => pairOf(network, repository));
    const surroundings = { home, dockerConfig, ...(testCase.speaksTls && (await writeAuthority(home))) };
    return await measure(tool.command(pairs, surroundings), folder);
  } finally {
    await folder.remove();
  }
}

async function writeAuthority(folder: string): Promise<Pick<Surroundings, 'authority'>> {
  const authority = `${folder}/ca.pem`;
  writeFileSync(authority, (await benchCertificate()).ca);
  return { authority };
}

function pairOf({ source, target }: Network, repository: string): Pair {
  return { source: `${source}/${repository}:${TAG}`, target: `${target}/${repository}:${TAG}` };
}

async function check(url: string, { image, repository }: Seeded): Promise<void> {
  const { digest, mediaType } = image.content.descriptor;
  const address = `${url}/v2/${repository}/manifests/${TAG}`;
  const { headers, body } = await request(address, { method: 'HEAD', headers: { accept: mediaType } });
  await body.dump();
  const found = String(headers['docker-content-digest']);
  if (found !== digest)
    throw new Error(`Cannot find the copy of "${repository}": wanted ${digest}, got ${found}`);
}
