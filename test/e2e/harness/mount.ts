import { spawnSync } from 'node:child_process';

/** What a process sees at a path in place of what the machine has there. */
export type Mount =
  | { readonly kind: 'file'; readonly at: string; readonly file: string }
  /** An empty file system of so many bytes. */
  | { readonly kind: 'tmpfs'; readonly at: string; readonly bytes: number };

/**
 * The command line that runs `command` in a mount namespace of its own, which ends with it: the machine never sees what
 * is mounted there, now or by the command later, and nothing has to be unmounted.
 */
export function withMounts(command: readonly string[], mounts: readonly Mount[]): readonly string[] {
  const script = [...mounts.map(mountCommand), 'exec "$@"'].join(' && ');
  return ['unshare', ...namespaces(), 'sh', '-c', script, 'sh', ...command];
}

/** Whether the kernel lets us: it does not in most containers, and not everywhere who is not root. */
export function canMount(): boolean {
  const [program = '', ...args] = withMounts(['true'], []);
  return spawnSync(program, args).status === 0;
}

/** Who is not root may mount only in a user namespace, where the kernel lets everybody make one. */
function namespaces(): readonly string[] {
  return process.getuid?.() === 0 ? ['--mount'] : ['--map-root-user', '--mount'];
}

function mountCommand(mount: Mount): string {
  if (mount.kind === 'file') return `mount --bind ${quote(mount.file)} ${quote(mount.at)}`;
  return `mount -t tmpfs -o size=${mount.bytes} tmpfs ${quote(mount.at)}`;
}

function quote(path: string): string {
  return `'${path.replaceAll("'", "'\\''")}'`;
}
