import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { output, run } from '../e2e/harness/command.ts';
import { programOf } from '../e2e/harness/part.ts';

/** Where the cluster's node is seen from this machine, and from its own pods. */
export const NODE_ADDRESS = '10.200.0.1';
const OUR_ADDRESS = '10.200.0.2';
/** The first address of the services' range, which the Service `kubernetes` gets. */
export const SERVICE_ADDRESS = '10.96.0.1';
/** Where pods ask for names; the tenth address of that range, as kubeadm has it. No Service gets so low a one by itself. */
export const NAME_SERVER_ADDRESS = '10.96.0.10';
/** Folder of the node's files, the same short name whatever the checkout is called: paths of sockets end at 107 bytes. */
export const NODE_FOLDER = '/run/node';
/** A name for what the machine has only one of: network devices and control groups. */
export const OWN_NAME = 'ic-cluster';

/** The kernel takes a second for some hundred processes. */
const GONE_MS = 300_000;

/**
 * Namespaces for mounts, processes and network of their own. All that runs in them, is mounted or routed there is gone
 * once their first process ends.
 */
export class Machine {
  /** Of the first process, as this machine counts. */
  readonly pid: number;

  constructor(pid: number) {
    this.pid = pid;
  }

  /** Needs root. @param folder that is seen as NODE_FOLDER */
  static async create(folder: string): Promise<Machine> {
    if (existsSync(`/sys/class/net/${OWN_NAME}`))
      throw new Error(
        'Cannot start a second cluster on this machine, end the other one with: make cluster-down',
      );
    const machine = new Machine(await firstProcess());
    try {
      await machine.#mount(folder);
      await machine.#connect();
      return machine;
    } catch (error) {
      await machine.destroy();
      throw error;
    }
  }

  /** The beginning of a command line that runs in there. */
  get entry(): readonly string[] {
    return [
      'nsenter',
      '--target',
      String(this.pid),
      '--mount',
      '--net',
      '--pid',
      '--ipc',
      '--uts',
      '--wd=/',
      '--',
    ];
  }

  async destroy(): Promise<void> {
    if (this.isThere()) process.kill(this.pid, 'SIGKILL');
    const deadline = Date.now() + GONE_MS;
    while (this.isThere()) {
      if (Date.now() > deadline)
        throw new Error(`Cannot end process ${this.pid} with all that runs in its namespaces`);
      await delay(50);
    }
    // Connections that were open hold on to their network for a minute, and the link with it.
    await run('ip', ['link', 'delete', OWN_NAME]);
  }

  isThere(): boolean {
    try {
      return /^\d+ \((docker-init|unshare)\) [^ZX]/.test(readFileSync(`/proc/${this.pid}/stat`, 'utf8'));
    } catch {
      return false;
    }
  }

  /** What programs write below `/var/lib` and `/run` without being asked is for the node alone. */
  async #mount(folder: string): Promise<void> {
    for (const name of ['log', 'lib/upper', 'lib/work', 'containerd', 'kubelet'])
      mkdirSync(`${folder}/${name}`, { recursive: true });
    const layers = `lowerdir=/var/lib,upperdir=${folder}/lib/upper,workdir=${folder}/lib/work`;
    await this.#shell(
      `mount --make-rshared /
      mount -t overlay -o "${layers}" overlay /var/lib
      mount --bind "${folder}/log" /var/log
      mount -t tmpfs -o mode=755 tmpfs /run
      mkdir ${NODE_FOLDER} && mount --bind "${folder}" ${NODE_FOLDER}
      hostname node1`,
    );
  }

  /** The only way in or out is a link to this machine, which routes nothing: pods reach the node and no further. */
  async #connect(): Promise<void> {
    await output('ip', [
      'link',
      'add',
      OWN_NAME,
      'type',
      'veth',
      'peer',
      'name',
      'eth0',
      'netns',
      String(this.pid),
    ]);
    await output('ip', ['address', 'add', `${OUR_ADDRESS}/30`, 'dev', OWN_NAME]);
    await output('ip', ['link', 'set', OWN_NAME, 'up']);
    // With the Services' addresses on the node itself, nobody has to translate addresses.
    await this.#shell(
      `ip link set lo up
      ip address add ${NODE_ADDRESS}/30 dev eth0
      ip link set eth0 up
      ip address add ${SERVICE_ADDRESS}/32 dev lo
      ip address add ${NAME_SERVER_ADDRESS}/32 dev lo
      echo 1 >/proc/sys/net/ipv4/ip_forward`,
    );
  }

  async #shell(script: string): Promise<void> {
    const [program, ...args] = [...this.entry, 'sh', '-ec', script];
    await output(program, args);
  }
}

/** It waits for all that loses its parent, as the first process of a machine does. */
async function firstProcess(): Promise<number> {
  const options = [
    '--mount',
    '--net',
    '--pid',
    '--ipc',
    '--uts',
    '--fork',
    '--mount-proc',
    '--propagation=private',
  ];
  const first = [programOf('dockerd', 'docker-init'), '--', 'sleep', 'infinity'];
  const [program, ...args] = ['unshare', ...options, ...first];
  const child = spawn(program, args, { detached: true, stdio: 'ignore' });
  child.unref();
  const started = new Promise<never>((_, reject) => {
    child.once('error', reject);
    child.once('exit', (code) =>
      reject(new Error(`Cannot make namespaces: unshare ended with code ${code}`)),
    );
  });
  return Promise.race([started, childOf(child.pid ?? 0)]);
}

async function childOf(parent: number): Promise<number> {
  for (;;) {
    const children = readFileSync(`/proc/${parent}/task/${parent}/children`, 'utf8').trim();
    const [child] = children.split(' ');
    if (child && readFileSync(`/proc/${child}/comm`, 'utf8').trim() === 'docker-init') return Number(child);
    await delay(20);
  }
}

/** The kubelet leaves its groups behind; those with no process in them can be removed, the innermost first. */
export async function removeControlGroups(): Promise<void> {
  const script = `find /sys/fs/cgroup -depth -type d -path '*/${OWN_NAME}*' -exec rmdir {} + 2>/dev/null`;
  await run('sh', ['-c', `for i in 1 2 3 4 5; do ${script} && break; sleep 0.2; done`]);
}
