import { delimiter, join } from 'node:path';
import { z } from 'zod';
import { CommandError, output } from './command.ts';
import type { DockerEngine } from './docker-engine.ts';
import { programOf } from './part.ts';
import { RootFileSystem } from './root-file-system.ts';
import { WorkFolder } from './work-folder.ts';

/**
 * Makes a base image in place of the official slim one of Node, out of what this machine has: the Node that runs the
 * tests, npm, which uses the same registry as here, and a shell. Takes seconds; needs the part `busybox`.
 * @returns its name, `node-base:24`
 */
export async function makeBaseImage(engine: DockerEngine): Promise<string> {
  const folder = new WorkFolder('base-image');
  const name = `node-base:${process.versions.node.split('.')[0]}`;
  try {
    await fill(new RootFileSystem(folder.file('root')));
    const archive = folder.file('root.tar');
    await output(programOf('busybox'), ['tar', '-c', '-f', archive, '-C', folder.file('root'), '.']);
    await importArchive(engine, archive, name);
    return name;
  } finally {
    await folder.remove();
  }
}

const SEARCH_PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';
const CERTIFICATES = '/etc/ssl/certs/ca-certificates.crt';
/** Readable, writable and open to all, but what is in it belongs to who made it. */
const TEMPORARY = 0o1777;

async function importArchive(engine: DockerEngine, archive: string, name: string): Promise<void> {
  const args = ['import', '--change', `ENV PATH=${SEARCH_PATH}`, archive, name];
  const result = await engine.docker(args);
  if (result.code !== 0) throw new CommandError('docker', args, result);
}

async function fill(root: RootFileSystem): Promise<void> {
  root.makeFolder('/tmp', TEMPORARY);
  root.makeFolder('/root', 0o700);
  root.write('/etc/passwd', 'root:x:0:0:root:/root:/bin/sh\nnode:x:1000:1000::/tmp:/bin/sh\n');
  root.write('/etc/group', 'root:x:0:\nnode:x:1000:\n');
  await addShell(root);
  await root.copyProgram(process.execPath, '/usr/local/bin/node');
  // Which the bundler of the build wants, and Node does not.
  await root.copyLibraryBesideC('librt.so.1', process.execPath);
  await addNpm(root);
}

async function addShell(root: RootFileSystem): Promise<void> {
  const busybox = programOf('busybox');
  root.copy(busybox, '/bin/busybox');
  const commands = (await output(busybox, ['--list'])).trim().split('\n');
  for (const command of commands.filter((name) => name !== 'busybox'))
    root.link(`/bin/${command}`, 'busybox');
  // Where the first line of npm and of other scripts looks for it.
  root.link('/usr/bin/env', '/bin/busybox');
}

const Settings = z.object({ registry: z.string(), cafile: z.string().nullish() });

/** Where this machine gets packages from is a matter of the machine; the image, which is never pushed, has it too. */
async function addNpm(root: RootFileSystem): Promise<void> {
  root.copy(join((await npm('root', '--global')).trim(), 'npm'), '/usr/local/lib/node_modules/npm');
  root.link('/usr/local/bin/npm', '../lib/node_modules/npm/bin/npm-cli.js');
  root.link('/usr/local/bin/npx', '../lib/node_modules/npm/bin/npx-cli.js');
  const settings = Settings.parse(JSON.parse(await npm('config', 'list', '--json')));
  const lines = [`registry=${settings.registry}`];
  const certificates = settings.cafile || process.env['NODE_EXTRA_CA_CERTS'];
  if (certificates) {
    root.copy(certificates, CERTIFICATES);
    lines.push(`cafile=${CERTIFICATES}`);
  }
  root.write('/usr/local/etc/npmrc', lines.join('\n'));
}

/** The Node of the dependencies comes without npm: it would look for npm and for its settings in the wrong place. */
async function npm(...args: readonly string[]): Promise<string> {
  const folders = (process.env['PATH'] ?? '').split(delimiter);
  const machine = folders.filter((folder) => !folder.endsWith(join('node_modules', '.bin')));
  return output('npm', args, { environment: { PATH: machine.join(delimiter) } });
}
