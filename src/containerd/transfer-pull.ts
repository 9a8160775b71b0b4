import type { Platform } from '../image/platform.ts';
import { DOCKER_HUB, type Reference } from '../image/reference.ts';
import type { Channel } from './channel.ts';
import { AUTH_REQUEST, AUTH_RESPONSE, IMAGE_STORE, OCI_REGISTRY, PROGRESS, TRANSFER } from './method.ts';
import type { Credential, PullOptions, PullProgress } from './pull-options.ts';
import { SideStream } from './side-stream.ts';

/** The host that Docker Hub is really asked at. */
const DOCKER_HUB_HOST = 'registry-1.docker.io';
/** The digest in the name of a step: `layer-sha256:…`. */
const DIGEST = /sha256:([0-9a-f]{12})/;

export interface TransferPull {
  readonly source: Reference;
  /** Under which the image is asked for and kept. */
  readonly name: string;
  /** None means all. */
  readonly platforms: readonly Platform[];
  /** Folder of the daemon's `hosts.toml` files, as it sees it. */
  readonly hostsDir: string;
}

interface Call {
  readonly operation: string;
  readonly signal: AbortSignal;
}

/**
 * Has the Transfer service fetch an image, content alone: nothing is unpacked. containerd 1.7 reads no `hosts.toml` for
 * it; later ones do. Plain HTTP it speaks to this machine alone, unless a `hosts.toml` says otherwise.
 * @throws ContainerdError `UNSUPPORTED_VERSION` where there is no such service: before 1.7
 */
export async function transferPull(
  channel: Channel,
  { source, name, platforms, hostsDir }: TransferPull,
  { credential, onProgress }: PullOptions,
  call: Call,
): Promise<void> {
  const { protocol } = channel;
  const streams: SideStream[] = [];
  async function opened(opening: Promise<SideStream> | undefined): Promise<SideStream | undefined> {
    const stream = await opening;
    if (stream !== undefined) streams.push(stream);
    return stream;
  }
  try {
    const auth = await opened(credential && openAuth(channel, source, credential, call));
    const progress = await opened(onProgress && openProgress(channel, onProgress, call));
    const resolver = { authStream: auth?.id ?? '', hostDir: hostsDir };
    const request = {
      source: protocol.pack(OCI_REGISTRY, { reference: name, resolver }),
      destination: protocol.pack(IMAGE_STORE, { name, platforms }),
      options: { progressStream: progress?.id ?? '' },
    };
    await channel.call(TRANSFER, request, { ...call, timeoutMs: Infinity, asksRegistry: true });
    // Of a pull that is fast all layers are told of at its end.
    await progress?.readOut();
  } finally {
    for (const stream of streams) stream.close();
  }
}

/** Answers what the daemon asks when a registry wants to know who it is. */
function openAuth(
  channel: Channel,
  { host }: Reference,
  credential: Credential,
  call: Call,
): Promise<SideStream> {
  const { protocol } = channel;
  const hosts = host === DOCKER_HUB ? [DOCKER_HUB, DOCKER_HUB_HOST] : [host];
  return SideStream.open(channel, call, (message) => {
    const asked = protocol.unpack(AUTH_REQUEST, message);
    // A mirror in the daemon's configuration is another host, whose business the password is not.
    const isMeant = asked !== undefined && hosts.includes(asked.host);
    return protocol.pack(AUTH_RESPONSE, isMeant ? answerOf(credential) : { authType: 'NONE' });
  });
}

function answerOf(credential: Credential): { authType: string; username?: string; secret: string } {
  return credential.kind === 'basic'
    ? { authType: 'CREDENTIALS', username: credential.username, secret: credential.password }
    : { authType: 'REFRESH', secret: credential.token };
}

function openProgress(
  channel: Channel,
  onProgress: NonNullable<PullOptions['onProgress']>,
  call: Call,
): Promise<SideStream> {
  return SideStream.open(channel, call, (message) => {
    const told = channel.protocol.unpack(PROGRESS, message);
    const layer = DIGEST.exec(told?.name ?? '')?.[1];
    if (told !== undefined && layer !== undefined)
      onProgress({ layer, status: told.event, ...bytesOf(told) });
    return undefined;
  });
}

/** 0 stands for a size that is not known. */
function bytesOf({
  progress,
  total,
}: {
  progress: number;
  total: number;
}): Pick<PullProgress, 'bytes' | 'totalBytes'> {
  return total > 0 ? { bytes: progress, totalBytes: total } : {};
}
