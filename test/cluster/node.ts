import { dirname } from 'node:path';
import { stringify } from 'yaml';
import { type CommandResult, run } from '../e2e/harness/command.ts';
import { flagsOf } from '../e2e/harness/flag.ts';
import { statusOf } from '../e2e/harness/http-status.ts';
import { programOf } from '../e2e/harness/part.ts';
import { kubeconfigFor } from './control-plane.ts';
import { Daemon } from './daemon.ts';
import type { Folder } from './folder.ts';
import { NAME_SERVER_ADDRESS, NODE_ADDRESS, NODE_FOLDER, OWN_NAME } from './machine.ts';
import { CLUSTER_DOMAIN } from './name-server.ts';

const NODE_NAME = 'node1';
const CONTAINERD_SOCKET = '/run/containerd/containerd.sock';
const HEALTH_PORT = 10248;

/**
 * What a power cut does to pods: their processes end, and all that is not on a disk is gone. Only the processes of the
 * node's own namespace are seen here.
 */
const LOSE_PODS = `
  for process in /proc/[0-9]*; do
    case $(cat "$process/comm") in containerd-shim*) kill -KILL "\${process#/proc/}" ;; esac
  done
  find /sys/fs/cgroup -path '*/${OWN_NAME}/*' -name cgroup.procs -exec cat {} + | sort -u | xargs -r kill -KILL
  cut -d ' ' -f 2 /proc/mounts | grep -E '^(/run/(containerd|netns)|${NODE_FOLDER}/kubelet)/' | sort -r |
    while read -r mount; do umount -l "$mount"; done
  rm -rf /run/containerd /run/netns /run/cni
  find /sys/fs/cgroup -depth -type d -path '*/${OWN_NAME}/*' -exec rmdir {} +`;

interface NodeRegistry {
  /** `10.200.0.1:5000`, spoken to by plain HTTP. */
  readonly host: string;
  /** Sent with every request of the node. */
  readonly authorization?: string;
}

export interface NodeOptions {
  readonly entry: readonly string[];
  readonly folder: Folder;
  readonly registries: readonly NodeRegistry[];
  /** What keeps a pod's namespaces; pulled from a registry. */
  readonly sandboxImage: string;
}

/** What runs pods. */
export class Node {
  readonly #options: NodeOptions;
  readonly #containerd: Daemon;
  readonly #kubelet: Daemon;

  constructor(options: NodeOptions) {
    const { entry, folder } = options;
    this.#options = options;
    this.#containerd = new Daemon({
      name: 'containerd',
      entry,
      folder: folder.path,
      command: [programOf('containerd', 'node/containerd'), '--config', folder.file('containerd.toml')],
      environment: programsFirst(),
      isReady: async () => (await this.ctr('version')).code === 0,
    });
    this.#kubelet = new Daemon({
      name: 'kubelet',
      entry,
      folder: folder.path,
      command: [programOf('kubelet'), ...flagsOf(kubeletFlags(folder))],
      isReady: async () => (await statusOf(`http://${NODE_ADDRESS}:${HEALTH_PORT}/healthz`)) === 200,
    });
  }

  async start(): Promise<void> {
    this.#configure();
    await this.#makeControlGroup();
    await this.#containerd.start();
    await this.#kubelet.start();
  }

  /** As a power cut does it: no process survives, files do. */
  async crash(): Promise<void> {
    await this.#kubelet.signal('KILL');
    await this.#containerd.signal('KILL');
    await this.#run('sh', '-c', LOSE_PODS);
  }

  /** containerd's own command, in the namespace of Kubernetes. */
  ctr(...args: readonly string[]): Promise<CommandResult> {
    return this.#run(
      programOf('containerd', 'node/ctr'),
      '--address',
      CONTAINERD_SOCKET,
      '--namespace',
      'k8s.io',
      ...args,
    );
  }

  /** Removes the images whose names have this text. Running containers stay. */
  async forget(text: string): Promise<void> {
    const { stdout } = await this.ctr('images', 'list', '--quiet');
    const names = stdout.split('\n').filter((name) => name.includes(text));
    if (names.length === 0) throw new Error(`Cannot forget "${text}": the node has no such image`);
    await this.ctr('images', 'remove', '--sync', ...names);
  }

  get logFiles(): readonly string[] {
    return [this.#containerd.logFile, this.#kubelet.logFile];
  }

  #run(...command: readonly string[]) {
    const [program = '', ...args] = [...this.#options.entry, ...command];
    return run(program, args);
  }

  /** Controllers live in one tree each (cgroup v1), or all in one (v2). */
  async #makeControlGroup(): Promise<void> {
    const script = `cd /sys/fs/cgroup
      if [ -e cgroup.controllers ]; then mkdir -p ${OWN_NAME}
      else for tree in */; do [ -e "$tree/tasks" ] && mkdir -p "$tree/${OWN_NAME}"; done
        cat cpuset/cpuset.cpus >cpuset/${OWN_NAME}/cpuset.cpus; cat cpuset/cpuset.mems >cpuset/${OWN_NAME}/cpuset.mems
      fi`;
    await this.#run('sh', '-c', script);
  }

  #configure(): void {
    const { folder, registries, sandboxImage } = this.#options;
    for (const registry of registries) folder.write(`certs.d/${registry.host}/hosts.toml`, hostsOf(registry));
    folder.write('containerd.toml', containerdConfiguration(sandboxImage));
    folder.write('cni/10-pods.conflist', JSON.stringify(podNetwork()));
    folder.write('kubelet.yaml', stringify(kubeletConfiguration()));
    folder.write('resolv.conf', `nameserver ${NODE_ADDRESS}\n`);
  }
}

/** containerd looks for its shim, and the shim for runc, on the PATH. */
function programsFirst(): Record<string, string> {
  const { PATH: path = '' } = process.env;
  return { PATH: `${dirname(programOf('containerd', 'node/containerd'))}:${path}` };
}

function hostsOf({ host, authorization }: NodeRegistry): string {
  const header =
    authorization === undefined ? '' : `[host."http://${host}".header]\nauthorization = "${authorization}"\n`;
  return `server = "http://${host}"\n[host."http://${host}"]\ncapabilities = ["pull", "resolve"]\n${header}`;
}

/** TOML (containerd, "CRI Plugin Config Guide", version 3). */
function containerdConfiguration(sandboxImage: string): string {
  const runtime = "plugins.'io.containerd.cri.v1.runtime'";
  return `version = 3
root = '${NODE_FOLDER}/containerd'
state = '/run/containerd'
disabled_plugins = ['io.containerd.internal.v1.opt', 'io.containerd.nri.v1.nri']
[grpc]
address = '${CONTAINERD_SOCKET}'
[plugins.'io.containerd.cri.v1.images'.pinned_images]
sandbox = '${sandboxImage}'
[plugins.'io.containerd.cri.v1.images'.registry]
config_path = '${NODE_FOLDER}/certs.d'
[${runtime}]
# Without the right CAP_SYS_RESOURCE no process may be put below the score of this one.
restrict_oom_score_adj = true
[${runtime}.cni]
bin_dirs = ['${dirname(programOf('cni', 'cni/bridge'))}']
conf_dir = '${NODE_FOLDER}/cni'
[${runtime}.containerd.runtimes.runc]
runtime_type = 'io.containerd.runc.v2'
[${runtime}.containerd.runtimes.runc.options]
BinaryName = '${programOf('runc', 'node/runc')}'
SystemdCgroup = false
`;
}

function podNetwork(): object {
  const ranges = [[{ subnet: '10.244.0.0/16' }]];
  const ipam = { type: 'host-local', dataDir: '/run/cni', ranges, routes: [{ dst: '0.0.0.0/0' }] };
  const bridge = { type: 'bridge', bridge: 'pods', isGateway: true, hairpinMode: true, ipam };
  return { cniVersion: '1.0.0', name: 'pods', plugins: [bridge] };
}

function kubeletFlags(folder: Folder): Record<string, string> {
  return {
    config: folder.file('kubelet.yaml'),
    kubeconfig: kubeconfigFor(folder, 'system:node:node1'),
    'hostname-override': NODE_NAME,
    'node-ip': NODE_ADDRESS,
    'root-dir': `${NODE_FOLDER}/kubelet`,
  };
}

/** KubeletConfiguration of kubelet.config.k8s.io/v1beta1. */
function kubeletConfiguration(): object {
  return {
    apiVersion: 'kubelet.config.k8s.io/v1beta1',
    kind: 'KubeletConfiguration',
    containerRuntimeEndpoint: `unix://${CONTAINERD_SOCKET}`,
    // Nobody but this machine and the pods of the tests reach it.
    authentication: { anonymous: { enabled: true }, webhook: { enabled: false } },
    authorization: { mode: 'AlwaysAllow' },
    cgroupDriver: 'cgroupfs',
    cgroupRoot: `/${OWN_NAME}`,
    failCgroupV1: false,
    failSwapOn: false,
    enforceNodeAllocatable: [],
    healthzBindAddress: '0.0.0.0',
    clusterDNS: [NAME_SERVER_ADDRESS],
    clusterDomain: CLUSTER_DOMAIN,
    resolvConf: `${NODE_FOLDER}/resolv.conf`,
    volumePluginDir: `${NODE_FOLDER}/volume-plugins`,
    // Mounted Secrets are renewed at each of these; the default of a minute only makes the tests longer.
    syncFrequency: '10s',
    maxPods: 250,
    // The disk is that of this machine, full or not.
    imageGCHighThresholdPercent: 100,
    imageGCLowThresholdPercent: 99,
    evictionHard: { 'memory.available': '50Mi', 'nodefs.available': '1%', 'imagefs.available': '1%' },
    // Several images at once, as most clusters have it set.
    serializeImagePulls: false,
  };
}
