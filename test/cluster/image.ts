import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { gzipSync } from 'node:zlib';
import { OCI_LAYER_GZIP } from '../../src/image/media-type.ts';
import { output } from '../e2e/harness/command.ts';
import { programOf } from '../e2e/harness/part.ts';
import { RootFileSystem } from '../e2e/harness/root-file-system.ts';
import { WorkFolder } from '../e2e/harness/work-folder.ts';
import { type MadeImage, makeImage, makeIndex } from '../images/image.ts';
import { type LayerOptions, type MadeLayer, makeBlob } from '../images/layer.ts';

/** Until somebody stops it, at once. */
const WAIT = ['/bin/sh', '-c', 'trap "exit 0" TERM INT; sleep infinity & wait'];
const COMMANDS = ['sh', 'sleep', 'id', 'ls', 'cat', 'true'];

/**
 * A layer with a shell that is statically linked and the few commands that a test needs: pods of it really run.
 * @param text of the file `/text`, so that two layers differ
 */
export async function makeShellLayer(text: string): Promise<MadeLayer> {
  const folder = new WorkFolder('shell');
  try {
    const root = new RootFileSystem(folder.file('root'));
    root.copy(programOf('busybox'), '/bin/busybox');
    for (const command of COMMANDS) root.link(`/bin/${command}`, 'busybox');
    root.write('/text', text);
    root.makeFolder('/tmp', 0o1777);
    const archive = folder.file('root.tar');
    await output(programOf('busybox'), ['tar', '-c', '-f', archive, '-C', folder.file('root'), '.']);
    return layerOf(readFileSync(archive));
  } finally {
    await folder.remove();
  }
}

function layerOf(archive: Buffer): MadeLayer {
  const diffId = createHash('sha256').update(archive).digest('hex');
  return { ...makeBlob(gzipSync(archive), OCI_LAYER_GZIP), diffId: `sha256:${diffId}` };
}

/** An image of this platform that waits until it is stopped. */
export function makeRunnable(base: MadeLayer, layers: readonly LayerOptions[] = []): Promise<MadeImage> {
  return makeImage({
    base: [base],
    layers,
    runnable: true,
    platform: HERE,
    config: { config: { Cmd: WAIT } },
  });
}

/** The same as an index, as public images are: with another platform beside it. */
export async function makeRunnableIndex(base: MadeLayer): Promise<MadeImage> {
  const other = await makeImage({
    layers: [{ size: 5_000, seed: 7 }],
    platform: { os: 'linux', architecture: 's390x' },
  });
  return makeIndex([await makeRunnable(base), other]);
}

const HERE = { os: 'linux', architecture: process.arch === 'x64' ? 'amd64' : process.arch };
