import { afterAll, afterEach, beforeAll, describe, vi } from 'vitest';
import { z } from 'zod';
import { CommandError, type CommandOptions, type CommandResult, run } from '../e2e/harness/command.ts';
import { programOf } from '../e2e/harness/part.ts';
import type { MadeImage } from '../images/image.ts';
import { pushImage, repositoryAt } from '../images/push.ts';
import { keepLogs } from './failure.ts';
import { makeRunnableIndex, makeShellLayer } from './image.ts';
import { Installation } from './installation.ts';
import { canRunCluster } from './need.ts';
import { Proxy } from './proxy.ts';
import { findSite, type Site } from './site.ts';
import { workload } from './workload.ts';

/** What has to become so in a cluster on two busy cores. */
export const SOON = { timeout: 300_000, interval: 500 };

/** A scenario in a cluster that image-cloner is installed in. */
export function onCluster(title: string, body: (stage: Stage) => void): void {
  describe.runIf(canRunCluster())(`Scenario ${title}`, () => {
    const stage = new Stage();
    const ran = { any: false };
    beforeAll(() => stage.begin());
    afterEach(async ({ task }) => {
      ran.any = true;
      if (task.result?.state === 'fail') await keepLogs(stage.site, `${title} ${task.name}`);
    });
    afterAll(async () => {
      // What failed was the preparation.
      if (!ran.any) await keepLogs(stage.site, title);
      await stage.end();
    });
    body(stage);
  });
}

/** In every public registry of the tests, from its start. */
const PROBE = 'library/alpine:3.12';
const OWN_NAMESPACE = 'image-cloner';
const CLONER = 'app.kubernetes.io/name=image-cloner';
/** As `deploy/` has it. */
const CLONER_REPLICAS = 2;

const Pods = z.object({
  items: z.array(
    z.object({
      metadata: z.object({ name: z.string(), uid: z.string(), deletionTimestamp: z.string().optional() }),
      status: z.object({
        phase: z.string(),
        containerStatuses: z
          .array(
            z.object({
              image: z.string(),
              imageID: z.string(),
              ready: z.boolean(),
              restartCount: z.number(),
            }),
          )
          .default([]),
      }),
    }),
  ),
});

/** A pod as kubectl shows it. */
export interface Pod {
  readonly name: string;
  readonly uid: string;
  /** Running and ready, and not on its way out. */
  readonly isWell: boolean;
  readonly image: string;
  readonly imageId: string;
  readonly restarts: number;
}

/** What a scenario sees and does: a user's `kubectl`, and the registries. */
export class Stage {
  readonly #namespaces: string[] = [];
  #site: Site | undefined;
  #installation: Installation | undefined;
  #proxy: Promise<Proxy> | undefined;

  async begin(): Promise<void> {
    this.#site = findSite();
    this.#installation = new Installation(this.#site);
    await this.#installation.install();
  }

  async end(): Promise<void> {
    await (await this.#proxy)?.stop();
    for (const namespace of this.#namespaces) await this.kubectl('delete', 'namespace', namespace);
  }

  get site(): Site {
    if (this.#site === undefined) throw new Error('Cannot be on stage before it begins');
    return this.#site;
  }

  /** For many creates in a row. */
  proxy(): Promise<Proxy> {
    this.#proxy ??= Proxy.start(this.site.kubeconfig);
    return this.#proxy;
  }

  get installation(): Installation {
    if (this.#installation === undefined) throw new Error('Cannot be on stage before it begins');
    return this.#installation;
  }

  /** Runs kubectl to its end. Its exit code is for the caller to judge. */
  async tryKubectl(args: readonly string[], options: CommandOptions = {}): Promise<CommandResult> {
    const { kubeconfig, folder } = this.site;
    const environment = { KUBECONFIG: kubeconfig, KUBECACHEDIR: folder.file('kubectl') };
    return run(programOf('kubectl'), args, { ...options, environment });
  }

  /** Runs a kubectl that has to work. @returns what it printed */
  async kubectl(...args: readonly string[]): Promise<string> {
    const result = await this.tryKubectl(args);
    if (result.code !== 0) throw new CommandError('kubectl', args, result);
    return result.stdout;
  }

  /** A namespace that is opted in and that ends with the scenario. */
  async namespace(name: string): Promise<string> {
    await this.plainNamespace(name);
    await this.kubectl('label', 'namespace', name, 'image-cloner=enabled');
    await this.asksAbout(name);
    return name;
  }

  /**
   * Waits until image-cloner is asked about what is created in a namespace: the API server takes note of the label, of
   * the webhook and of pods that are ready each in its own time.
   */
  async asksAbout(namespace: string): Promise<void> {
    const probe = workload({ name: 'probe', image: this.source(PROBE) });
    await vi.waitUntil(async () => {
      // A dry run copies nothing, and says what would be done.
      const { stderr } = await this.apply(namespace, probe, '--dry-run=server');
      return stderr.includes('Warning: image-cloner: ');
    }, SOON);
  }

  /** One that image-cloner is not asked about. */
  async plainNamespace(name: string): Promise<string> {
    this.#namespaces.push(name);
    await this.kubectl('create', 'namespace', name);
    await vi.waitFor(() => this.kubectl('get', '--namespace', name, 'serviceaccount', 'default'), SOON);
    return name;
  }

  /** `kubectl apply` of an object. */
  async apply(namespace: string, object: object, ...options: readonly string[]): Promise<CommandResult> {
    const args = ['apply', '--namespace', namespace, ...options, '--filename', '-'];
    return this.tryKubectl(args, { input: JSON.stringify(object) });
  }

  /** Restarts image-cloner, so that it has the settings of now. */
  async restartCloner(): Promise<void> {
    await this.kubectl('rollout', 'restart', '--namespace', OWN_NAMESPACE, 'deployment/image-cloner');
    await this.clonerRestarted();
  }

  /** Waits until the new pods are ready and the old ones, which answer to the last, have left. */
  async clonerRestarted(): Promise<void> {
    await this.rolledOut(OWN_NAMESPACE, 'deployment/image-cloner');
    await vi.waitUntil(async () => (await this.clonerPods()).length === CLONER_REPLICAS, SOON);
  }

  /** Names of image-cloner's pods, those on their way out too. */
  async clonerPods(): Promise<readonly string[]> {
    const pods = ['get', 'pods', '--namespace', OWN_NAMESPACE, '--selector', CLONER];
    const names = await this.kubectl(...pods, '--output', 'jsonpath={.items[*].metadata.name}');
    return names.split(' ').filter((name) => name !== '');
  }

  /** What one of them has logged. */
  clonerLog(pod: string): Promise<string> {
    return this.kubectl('logs', '--namespace', OWN_NAMESPACE, pod);
  }

  /** Kind and name (`deployment.apps/web`) of every object in the cluster that is there to stay. */
  async everything(): Promise<readonly string[]> {
    const kinds = (await this.kubectl('api-resources', '--verbs', 'list', '--output', 'name'))
      .trim()
      .split('\n')
      .filter((kind) => !/^events(\.|$)|componentstatuses|metrics/.test(kind));
    const all = ['--all-namespaces', '--ignore-not-found', '--output', 'name'];
    return (await this.kubectl('get', kinds.join(','), ...all)).trim().split('\n');
  }

  async rolledOut(namespace: string, object: string): Promise<void> {
    await this.kubectl('rollout', 'status', '--namespace', namespace, object, '--timeout', '600s');
  }

  /** The image of the first container of a stored workload. */
  async imageOf(namespace: string, object: string): Promise<string> {
    const path = 'jsonpath={.spec.template.spec.containers[0].image}';
    return this.kubectl('get', '--namespace', namespace, object, '--output', path);
  }

  async pods(namespace: string, app: string): Promise<readonly Pod[]> {
    const text = await this.kubectl(
      'get',
      'pods',
      '--namespace',
      namespace,
      '--selector',
      `app=${app}`,
      '--output',
      'json',
    );
    return Pods.parse(JSON.parse(text)).items.map(({ metadata, status }) => {
      const [container] = status.containerStatuses;
      return {
        name: metadata.name,
        uid: metadata.uid,
        isWell:
          metadata.deletionTimestamp === undefined && status.phase === 'Running' && container?.ready === true,
        image: container?.image ?? '',
        imageId: container?.imageID ?? '',
        restarts: container?.restartCount ?? 0,
      };
    });
  }

  /** Puts an image of its own, an index of two platforms, into the public registry. @param name `team/app:1` */
  async publish(name: string): Promise<void> {
    await this.push(name, await makeRunnableIndex(await makeShellLayer(name)));
  }

  async push(name: string, image: MadeImage): Promise<void> {
    const [repository = '', tag] = name.split(':');
    await pushImage(repositoryAt(this.site.public.url, repository), image, tag);
  }

  /** A name in the public registry. */
  source(name: string): string {
    return `${this.site.public.host}/${name}`;
  }

  /** The name of its copy. */
  copyOf(name: string): string {
    return `${this.site.backup.host}/${this.copyIn(name)}`;
  }

  /** The same without the host: as the backup registry knows it. */
  copyIn(name: string): string {
    return `backup/${this.site.public.host.replace(':', '_')}/${name}`;
  }
}
