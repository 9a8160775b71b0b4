import { isRecord } from '../image/descriptor.ts';
import type { Platform } from '../image/platform.ts';
import { formatReference, type Reference, repositoryOf } from '../image/reference.ts';
import { isNotFound } from './docker-error.ts';
import type { EngineSocket } from './engine-socket.ts';
import { registryAuth } from './registry-auth.ts';
import { follow, type TransferOptions } from './transfer.ts';

/** An image of the daemon on its way into a registry. */
export interface Push {
  readonly socket: EngineSocket;
  /** A name that the daemon knows it by. */
  readonly image: string;
  readonly backup: Reference;
  readonly tag: string;
  /** Of an index this image alone (API 1.46). Default: what the daemon has of it. */
  readonly platform?: Platform;
  readonly options: TransferOptions;
  readonly signal: AbortSignal;
  /** Called when the name of the backup could not be taken off the node again. */
  readonly onLeftBehind: (name: string, error: unknown) => void;
}

/** To tidy up after a push that was stopped takes a moment of its own. */
const TIDY_MS = 10_000;
/** `tag: digest: sha256:… size: 1234`, from both image stores. */
const PUSHED = /: digest: sha\d{3}:[0-9a-f]+ size: \d+$/;

/**
 * Tags the image with the name of its backup, pushes that tag and takes it away again. A name that the node had before,
 * because it runs the copy already, is left to it as it was.
 * @throws DockerError
 */
export async function push(task: Push): Promise<void> {
  const name = nameOf(task);
  const before = await idOf(task, name);
  await tag(task, task.image, task.signal);
  try {
    await send(task);
  } finally {
    await giveBack(task, before).catch((error: unknown) => task.onLeftBehind(name, error));
  }
}

function nameOf({ backup, tag: name }: Push): string {
  return formatReference({ host: backup.host, path: backup.path, tag: name });
}

async function idOf({ socket, signal }: Push, name: string): Promise<string | undefined> {
  try {
    const path = `/images/${name}/json`;
    const image = await socket.json({ path, operation: `look for ${name} in the Docker daemon`, signal });
    return isRecord(image) ? String(image['Id']) : undefined;
  } catch (error) {
    if (isNotFound(error)) return undefined;
    throw error;
  }
}

async function tag(task: Push, image: string, signal: AbortSignal): Promise<void> {
  const query = { repo: repositoryOf(task.backup), tag: task.tag };
  const operation = `tag ${image} as ${nameOf(task)} in the Docker daemon`;
  await task.socket.json({ method: 'POST', path: `/images/${image}/tag`, query, operation, signal });
}

/** Without a tag the daemon would push all that the repository has. */
async function send({ socket, backup, tag: name, platform, options, signal }: Push): Promise<void> {
  const operation = `push ${repositoryOf(backup)}:${name} from the Docker daemon`;
  const answer = await socket.stream({
    method: 'POST',
    path: `/images/${repositoryOf(backup)}/push`,
    query: { tag: name, ...(platform !== undefined && { platform: JSON.stringify(platform) }) },
    registryAuth: registryAuth(backup.host, options.credential),
    operation,
    signal,
  });
  await follow(answer, operation, (status) => PUSHED.test(status), options.onProgress);
}

/** `noprune`: whatever happens, only the name goes. */
async function giveBack(task: Push, before: string | undefined): Promise<void> {
  const signal = AbortSignal.timeout(TIDY_MS);
  if (before !== undefined) return tag(task, before, signal);
  const name = nameOf(task);
  const operation = `untag ${name} in the Docker daemon`;
  const path = `/images/${name}`;
  await task.socket.json({ method: 'DELETE', path, query: { noprune: '1' }, operation, signal });
}
