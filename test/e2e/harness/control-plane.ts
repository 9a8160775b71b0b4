import { type CommandOptions, type CommandResult, run } from './command.ts';
import { startEtcd } from './etcd.ts';
import { startKubeApiserver } from './kube-apiserver.ts';
import { programOf } from './part.ts';
import type { Process } from './process.ts';
import { WorkFolder } from './work-folder.ts';

export interface ControlPlaneOptions {
  /**
   * Addresses by host name, which the API server alone sees. A webhook that is registered by URL is called as one that
   * is registered by its Service, over HTTP/1.1, only where the host is neither `localhost` nor a loopback address
   * (k8s.io/apiserver, pkg/util/webhook). This way it has the very name that its certificate is for.
   */
  readonly hosts?: Readonly<Record<string, string>>;
}

/** A real API server with its etcd and nothing else: objects are stored, no pod ever runs. */
export class ControlPlane {
  readonly #folder = new WorkFolder('control-plane');
  readonly #processes: Process[] = [];
  #kubeconfig = '';

  static async start({ hosts = {} }: ControlPlaneOptions = {}): Promise<ControlPlane> {
    const plane = new ControlPlane();
    try {
      await plane.#start(hosts);
      return plane;
    } catch (error) {
      await plane.stop();
      throw error;
    }
  }

  /** Path of a kubeconfig file for a member of `system:masters`. */
  get kubeconfig(): string {
    return this.#kubeconfig;
  }

  /** Runs kubectl to its end. Its exit code is for the caller to judge. */
  async kubectl(args: readonly string[], options: CommandOptions = {}): Promise<CommandResult> {
    const environment = { KUBECONFIG: this.#kubeconfig, KUBECACHEDIR: this.#folder.file('kubectl') };
    return run(programOf('kubectl'), args, {
      ...options,
      environment: { ...environment, ...options.environment },
    });
  }

  /** Stops both and removes all they stored. */
  async stop(): Promise<void> {
    // The API server first: without its etcd it would wait for it.
    for (const process of this.#processes.toReversed()) await process.stop();
    await this.#folder.remove();
  }

  async #start(hosts: Readonly<Record<string, string>>): Promise<void> {
    const etcd = await startEtcd(this.#folder);
    this.#processes.push(etcd.process);
    const server = await startKubeApiserver(this.#folder, { etcd: etcd.url, hosts });
    this.#processes.push(server.process);
    this.#kubeconfig = server.kubeconfig;
  }
}
