import { setTimeout as delay } from 'node:timers/promises';
import { pushImage, repositoryAt } from '../images/push.ts';
import { makeRunnable, makeShellLayer } from './image.ts';
import { Installation } from './installation.ts';
import { Proxy } from './proxy.ts';
import type { Site } from './site.ts';
import { type Usage, usageOf } from './usage.ts';
import { workload } from './workload.ts';

const CREATES = 1000;
const COLD = 10;
const WARM = 20;
/** A small image of the usual kind: a few layers, tens of megabytes. */
const LAYERS = [8, 16, 24].map((mib, at) => ({ size: mib * 1024 ** 2, at }));
const REST_MS = 60_000;

/** One row for a namespace that asks image-cloner, and one for a namespace beside it that does not. */
interface Row {
  readonly cold: readonly number[];
  readonly warm: readonly number[];
  readonly creates: readonly number[];
}

/** Measures image-cloner in a cluster, and prints the tables of `docs/benchmarks.md`. */
export async function printFigures(site: Site): Promise<void> {
  const installation = new Installation(site);
  await installation.install();
  const figures = new Figures(site, installation);
  // In turns would be fairer, but pods of one would disturb the other.
  const without = await figures.measure('figures-without', false);
  const beside = await figures.measure('figures-with', true);
  console.log(`| | without | with image-cloner |\n|---|---|---|`);
  for (const key of ['cold', 'warm'] as const)
    console.log(
      `| create → Running, ${key}, median of ${without[key].length} | ${seconds(without[key])} | ${seconds(beside[key])} |`,
    );
  for (const [name, share] of [
    ['p50', 0.5],
    ['p99', 0.99],
  ] as const)
    console.log(
      `| ${name} of ${CREATES} creates | ${ms(without.creates, share)} | ${ms(beside.creates, share)} |`,
    );
  console.log(await figures.atRest());
}

class Figures {
  readonly #site: Site;
  readonly #installation: Installation;
  #seed = 0;

  constructor(site: Site, installation: Installation) {
    this.#site = site;
    this.#installation = installation;
  }

  async measure(namespace: string, isOptedIn: boolean): Promise<Row> {
    await this.#done(`kubectl create namespace ${namespace}`);
    if (isOptedIn) await this.#done(`kubectl label namespace ${namespace} image-cloner=enabled`);
    try {
      const cold = await this.#times(COLD, async (number) => {
        const image = await this.#publish(`${namespace}-${number}`);
        return this.#running(namespace, `cold-${number}`, image);
      });
      const image = await this.#publish(`${namespace}-warm`);
      await this.#running(namespace, 'warm-0', image);
      const warm = await this.#times(WARM, (number) => this.#running(namespace, `warm-${number}`, image));
      return { cold, warm, creates: await this.#creates(namespace, image) };
    } finally {
      await this.#done(`kubectl delete namespace ${namespace}`);
    }
  }

  async atRest(): Promise<string> {
    const before = await usageOf(this.#kubectl);
    await delay(REST_MS);
    const after = await usageOf(this.#kubectl);
    return after
      .map((usage) =>
        restOf(
          usage,
          before.find(({ pod }) => pod === usage.pod),
        ),
      )
      .join('\n');
  }

  async #publish(name: string): Promise<string> {
    const layers = LAYERS.map(({ size, at }) => ({ size, seed: (this.#seed += 1) * 10 + at }));
    const image = await makeRunnable(await makeShellLayer(name), layers);
    await pushImage(repositoryAt(this.#site.public.url, `figures/${name}`), image, '1');
    return `${this.#site.public.host}/figures/${name}:1`;
  }

  /** Milliseconds from the command to a pod that runs. */
  async #running(namespace: string, name: string, image: string): Promise<number> {
    const begun = performance.now();
    await this.#done(
      `kubectl create deployment ${name} --namespace ${namespace} --image ${image}
      kubectl rollout status deployment/${name} --namespace ${namespace}`,
    );
    return performance.now() - begun;
  }

  async #creates(namespace: string, image: string): Promise<readonly number[]> {
    const proxy = await Proxy.start(this.#site.kubeconfig);
    try {
      return await this.#times(CREATES, async (number) => {
        const name = `create-${number}`;
        const { milliseconds } = await proxy.create(namespace, name, workload({ name, image, replicas: 0 }));
        return milliseconds;
      });
    } finally {
      await proxy.stop();
    }
  }

  async #times(count: number, measure: (number: number) => Promise<number>): Promise<readonly number[]> {
    const values: number[] = [];
    for (let number = 1; number <= count; number += 1) values.push(await measure(number));
    return values.toSorted((a, b) => a - b);
  }

  readonly #kubectl = (...args: readonly string[]): Promise<string> =>
    this.#done(['kubectl', ...args].map((word) => `'${word}'`).join(' '));

  #done(commands: string): Promise<string> {
    return this.#installation.done(commands);
  }
}

function seconds(sorted: readonly number[]): string {
  return `${((sorted[Math.floor(sorted.length / 2)] ?? 0) / 1000).toFixed(2)} s`;
}

function ms(sorted: readonly number[], share: number): string {
  return `${(sorted[Math.ceil(sorted.length * share) - 1] ?? 0).toFixed(1)} ms`;
}

function restOf(now: Usage, before: Usage | undefined): string {
  const cpu = ((now.cpuSeconds - (before?.cpuSeconds ?? 0)) / (REST_MS / 1000)) * 1000;
  return `${now.pod}: at rest ${now.rssMib.toFixed(0)} MiB (RSS), ${cpu.toFixed(1)} m CPU`;
}
