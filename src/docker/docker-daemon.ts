import { isDigest } from '../image/digest.ts';
import { parsePlatform } from '../image/platform.ts';
import { formatReference, identifierOf, type Reference, repositoryOf } from '../image/reference.ts';
import { SPOKEN, type VersionRange } from './api-version.ts';
import { type Portion, wholePortion } from './completeness.ts';
import { DockerError, isNotFound } from './docker-error.ts';
import { type Engine, openEngine } from './engine.ts';
import { EngineSocket } from './engine-socket.ts';
import type { Held, HeldBehind, HeldContent, HeldImage, OpenLayout } from './held.ts';
import { heldImages } from './held-images.ts';
import { digestIn, type ImageJson, readImage } from './image-json.ts';
import { pull } from './pull.ts';
import { type Push, push } from './push.ts';
import { SavedImage } from './saved-image.ts';
import type { TransferOptions } from './transfer.ts';
import { UnreachableHosts } from './unreachable-hosts.ts';

/** What nobody waits for. */
export interface DockerEvent {
  /**
   * - `left-behind` a name of ours stayed on the node after a push
   * - `not-pushed` the daemon could not push under that name what can be read from it as well
   */
  readonly type: 'left-behind' | 'not-pushed';
  readonly name: string;
  readonly error: unknown;
}

export interface DockerDaemonOptions {
  /** Path of its socket: `/var/run/docker.sock`. */
  readonly socket: string;
  readonly openLayout: OpenLayout;
  readonly observe?: (event: DockerEvent) => void;
  /** Where images are unpacked while they are read. Default: the system's folder for temporary files. */
  readonly folder?: string;
  /** Versions of the API to speak. Default: those that this was tried on. */
  readonly versions?: VersionRange;
  /** How long it may say nothing. Default: five minutes. */
  readonly longestSilenceMs?: number;
}

/** The Docker daemon of this node, by its socket: another place that may hold an image. */
export class DockerDaemon {
  readonly name = 'docker';
  readonly #options: DockerDaemonOptions;
  readonly #socket: EngineSocket;
  readonly #unreachable = new UnreachableHosts();

  constructor(options: DockerDaemonOptions) {
    const { socket: path, longestSilenceMs } = options;
    this.#options = options;
    this.#socket = new EngineSocket({ path, ...(longestSilenceMs !== undefined && { longestSilenceMs }) });
  }

  /**
   * Asks nobody but the daemon. Of a source with a digest only an image that its registry gave with it is found.
   * @returns undefined when it is not there, or nothing of it is whole
   * @throws DockerError
   */
  async find(source: Reference, signal: AbortSignal): Promise<Held | undefined> {
    const engine = await this.#open(signal);
    const image = await inspect(engine, source, signal);
    if (image === undefined) return undefined;
    const { manifests } = image;
    return engine.keepsContent && manifests !== undefined
      ? this.#content(engine, source, { ...image, manifests })
      : this.#behind(engine, source, image);
  }

  /** Every image that it holds, by each of its names. @throws DockerError */
  async list(signal: AbortSignal): Promise<readonly HeldImage[]> {
    return heldImages(await this.#open(signal), signal);
  }

  /** Lets the daemon fetch it with its own proxy, certificates and trust. @throws DockerError */
  async pull(source: Reference, options: TransferOptions, signal: AbortSignal): Promise<void> {
    const { socket } = await this.#open(signal);
    await pull(socket, source, options, signal);
  }

  #open(signal: AbortSignal): Promise<Engine> {
    return openEngine(this.#socket, this.#options.versions ?? SPOKEN, signal);
  }

  #content(
    { socket }: Engine,
    source: Reference,
    image: ImageJson & Required<Pick<ImageJson, 'manifests'>>,
  ): HeldContent | undefined {
    const portion = wholePortion(image, image.manifests);
    if (portion === undefined) return undefined;
    const { openLayout, folder } = this.#options;
    const name = `${repositoryOf(source)}@${image.id}`;
    const saved = new SavedImage({ socket, name, openLayout, ...(folder !== undefined && { folder }) });
    return {
      kind: 'content',
      ...portion,
      source: saved,
      faithful: true,
      ...this.#contentPush({ socket, image: name }, portion),
      close: () => saved.close(),
    };
  }

  /** A part of an index can be asked for by its platform alone. */
  #contentPush(task: Pick<Push, 'image' | 'socket'>, { partial }: Portion): Pick<HeldContent, 'push'> {
    if (partial !== undefined && partial.platform === undefined) return {};
    const platform = partial?.platform === undefined ? {} : { platform: parsePlatform(partial.platform) };
    const send = this.#push({ ...task, ...platform });
    return {
      push: async (backup, tag, options, signal) => {
        const name = formatReference({ host: backup.host, path: backup.path, tag });
        const operation = `push ${name} from the Docker daemon`;
        this.#unreachable.refuse(backup.host, operation);
        try {
          await send(backup, tag, options, signal);
        } catch (error) {
          this.#unreachable.note(backup.host, error);
          if (!signal.aborted) this.#options.observe?.({ type: 'not-pushed', name, error });
          throw error;
        }
      },
    };
  }

  #behind({ socket }: Engine, source: Reference, image: ImageJson): HeldBehind {
    const digest = source.digest ?? digestIn(image, repositoryOf(source));
    return {
      kind: 'behind',
      faithful: false,
      ...(digest !== undefined && { digest }),
      push: this.#push({ socket, image: nameOf(source) }),
    };
  }

  #push(task: Pick<Push, 'image' | 'platform' | 'socket'>): HeldBehind['push'] {
    const onLeftBehind = (name: string, error: unknown): void =>
      this.#options.observe?.({ type: 'left-behind', name, error });
    return (backup, tag, options, signal) => push({ ...task, backup, tag, options, signal, onLeftBehind });
  }
}

async function inspect(
  { socket, keepsContent, tellsPlatforms }: Engine,
  source: Reference,
  signal: AbortSignal,
): Promise<ImageJson | undefined> {
  const operation = `look for ${formatReference(source)} in the Docker daemon`;
  const query = keepsContent && tellsPlatforms ? { query: { manifests: '1' } } : {};
  try {
    const answer = await socket.json({ path: `/images/${nameOf(source)}/json`, ...query, operation, signal });
    const image = readImage(answer);
    if (image !== undefined) return image;
    throw new DockerError('wanted an image with an id', { code: 'PROTOCOL', operation });
  } catch (error) {
    if (isNotFound(error)) return undefined;
    throw error;
  }
}

/** The daemon reads a tag beside a digest in some versions, and not in others. */
function nameOf(source: Reference): string {
  const identifier = identifierOf(source);
  return repositoryOf(source) + (isDigest(identifier) ? '@' : ':') + identifier;
}
