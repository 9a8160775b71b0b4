import { fileURLToPath } from 'node:url';
import { pushImage, repositoryAt } from '../images/push.ts';
import { Cluster } from './cluster.ts';
import { Folder } from './folder.ts';
import { makeRunnableIndex, makeShellLayer } from './image.ts';
import type { Node } from './node.ts';
import { Registry } from './registry.ts';

/** A cluster with the two registries that it needs, wherever it is. */
export interface Site {
  /** Path of a kubeconfig file. */
  readonly kubeconfig: string;
  /** For what has to stay as long as image-cloner is installed. */
  readonly folder: Folder;
  readonly public: Registry;
  readonly backup: Registry;
  /** Password of the user `backup`. */
  readonly password: string;
  /** Only where the node is ours to switch off. */
  readonly node?: Node;
  readonly logFiles: readonly string[];
}

const EXISTING_FOLDER = fileURLToPath(new URL('../../.cache/cluster-existing', import.meta.url));

/** Whether the scenarios are to run on the cluster of KUBECONFIG. */
export function isExisting(): boolean {
  return process.env['CLUSTER'] === 'existing';
}

/** The cluster of KUBECONFIG with `CLUSTER=existing`, else the one of `make cluster`, which has to run already. */
export function findSite(): Site {
  const site = isExisting() ? existingSite() : Cluster.find();
  if (site === undefined) throw new Error('Cannot find a cluster, start one with: make cluster');
  return site;
}

/** Two registries on this machine, at the address of it that the nodes of an existing cluster reach. */
function existingSite(): Site {
  const kubeconfig = wanted('KUBECONFIG', 'the path of the kubeconfig');
  const address = wanted('CLUSTER_ADDRESS', 'the address of this machine that the nodes reach');
  const folder = new Folder(EXISTING_FOLDER);
  const [open, backup] = ['public', 'backup'].map((name, at) =>
    registryAt(folder, name, `${address}:${5000 + at}`),
  );
  if (open === undefined || backup === undefined) throw new Error('Cannot start two registries');
  return {
    kubeconfig,
    folder,
    public: open,
    backup,
    password: 'unused',
    logFiles: [open.logFile, backup.logFile],
  };
}

function registryAt(folder: Folder, name: string, host: string): Registry {
  return new Registry({ name: `${name}-registry`, entry: [], folder: new Folder(folder.file(name)), host });
}

function wanted(variable: string, what: string): string {
  const { [variable]: value } = process.env;
  if (!value) throw new Error(`Cannot use an existing cluster: want ${variable}, ${what}`);
  return value;
}

/** Starts what an existing cluster does not have. */
export async function startRegistries(site: Site): Promise<void> {
  await Promise.all([site.public.start(), site.backup.start()]);
  const index = await makeRunnableIndex(await makeShellLayer('alpine'));
  await pushImage(repositoryAt(site.public.url, 'library/alpine'), index, '3.12');
}

export async function stopRegistries(site: Site): Promise<void> {
  await Promise.all([site.public.stop(), site.backup.stop()]);
}
