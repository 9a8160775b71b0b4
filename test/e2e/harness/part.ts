import { accessSync, constants } from 'node:fs';
import { homedir } from 'node:os';
import { delimiter, join } from 'node:path';

/** What `test/parts/provide.sh` provides, by its name there. */
export type Part =
  | 'busybox'
  | 'cni'
  | 'containerd'
  | 'coredns'
  | 'crane'
  | 'distribution'
  | 'docker-registry'
  | 'dockerd'
  | 'dockerd-later'
  | 'etcd'
  | 'htpasswd'
  | 'kube-apiserver'
  | 'kube-controller-manager'
  | 'kube-scheduler'
  | 'kubectl'
  | 'kubelet'
  | 'oci-conformance'
  | 'oras'
  | 'regctl'
  | 'runc'
  | 'skopeo'
  | 'zot';

/** A real program that the tests need is not on this machine. */
export class MissingPartError extends Error {
  readonly code = 'MISSING_PART';

  constructor(part: Part, program: string) {
    super(`Cannot find "${program}", get it with: test/parts/provide.sh ${part}`);
    this.name = 'MissingPartError';
  }
}

/** envtest's convention: where KUBEBUILDER_ASSETS names a folder, these come from it and from nowhere else. */
const ENVTEST_PARTS: readonly Part[] = ['kube-apiserver', 'etcd', 'kubectl'];

/** What a part is asked for by, where it is no program of its name. */
const MAIN_PROGRAM: Partial<Readonly<Record<Part, string>>> = { 'dockerd-later': 'later/dockerd' };

/**
 * The path of a part's program.
 * @param program where the part has several; default: the one named as the part, or that stands for it
 * @throws MissingPartError that says how to get it
 */
export function programOf(part: Part, program: string = MAIN_PROGRAM[part] ?? part): string {
  for (const folder of foldersOf(part)) {
    const path = join(folder, program);
    if (isExecutable(path)) return path;
  }
  throw new MissingPartError(part, program);
}

/** The folder that `provide.sh --path` prints. */
export function partsFolder(): string {
  const { IMAGE_CLONER_PARTS: own, XDG_CACHE_HOME: cache } = process.env;
  return join(own || join(cache || join(homedir(), '.cache'), 'image-cloner', 'parts'), 'bin');
}

/** The provided program goes before the one of the machine: its version is the one the tests were written for. */
function foldersOf(part: Part): readonly string[] {
  const { KUBEBUILDER_ASSETS: envtest, PATH: path = '' } = process.env;
  if (envtest && ENVTEST_PARTS.includes(part)) return [envtest];
  return [partsFolder(), ...path.split(delimiter)];
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
