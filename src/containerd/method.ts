import type { Platform } from '../image/platform.ts';

/** How messages go: one of each, or one and then a stream of them, or a stream both ways. */
type Kind = 'unary' | 'server-stream' | 'duplex';

/** A call that a daemon offers; the types of its messages are for the compiler alone. */
export interface Method<Request, Response, K extends Kind = Kind> {
  /** With its package: `containerd.services.images.v1.Images`. */
  readonly service: string;
  readonly name: string;
  readonly kind: K;
  readonly types?: { readonly request: Request; readonly response: Response };
}

function unary<Request, Response>(service: string, name: string): Method<Request, Response, 'unary'> {
  return { service, name, kind: 'unary' };
}

type Empty = Readonly<Record<string, never>>;

/** As it comes off the wire: nothing of it is checked. */
interface DescriptorMessage {
  readonly mediaType: string;
  readonly digest: string;
  readonly size: number;
}

export interface ImageMessage {
  readonly name: string;
  readonly target: DescriptorMessage | null;
}

const IMAGES = 'containerd.services.images.v1.Images';
export const GET_IMAGE = unary<{ name: string }, { image: ImageMessage | null }>(IMAGES, 'Get');
/** The filters are alternatives; none lists all. Syntax: pkg/filters of containerd. */
export const LIST_IMAGES = unary<{ filters: readonly string[] }, { images: readonly ImageMessage[] }>(
  IMAGES,
  'List',
);

export interface ReadMessage {
  readonly data: Buffer;
}

interface InfoMessage {
  readonly size: number;
  readonly labels: Readonly<Record<string, string>>;
}

const CONTENT = 'containerd.services.content.v1.Content';
export const CONTENT_INFO = unary<{ digest: string }, { info: InfoMessage | null }>(CONTENT, 'Info');
interface ReadRequest {
  readonly digest: string;
  readonly offset: number;
  readonly size: number;
}

export const READ_CONTENT: Method<ReadRequest, ReadMessage, 'server-stream'> = {
  service: CONTENT,
  name: 'Read',
  kind: 'server-stream',
};

const LEASES = 'containerd.services.leases.v1.Leases';
export const CREATE_LEASE = unary<{ id: string; labels: Readonly<Record<string, string>> }, Empty>(
  LEASES,
  'Create',
);
export const DELETE_LEASE = unary<{ id: string; sync: boolean }, Empty>(LEASES, 'Delete');
export const ADD_TO_LEASE = unary<{ id: string; resource: { id: string; type: string } }, Empty>(
  LEASES,
  'AddResource',
);

export const VERSION = unary<Empty, { version: string; revision: string }>(
  'containerd.services.version.v1.Version',
  'Version',
);

/** A message of any kind. The type is its name alone, without the prefix that Google's own have (containerd/typeurl). */
export interface AnyMessage {
  readonly type_url: string;
  readonly value: Buffer;
}

export const STREAM: Method<AnyMessage, AnyMessage, 'duplex'> = {
  service: 'containerd.services.streaming.v1.Streaming',
  name: 'Stream',
  kind: 'duplex',
};

interface TransferRequest {
  readonly source: AnyMessage;
  readonly destination: AnyMessage;
  readonly options: { readonly progressStream: string };
}

export const TRANSFER = unary<TransferRequest, Empty>('containerd.services.transfer.v1.Transfer', 'Transfer');

interface PullImageRequest {
  readonly image: { readonly image: string };
  readonly auth?: {
    readonly username?: string;
    readonly password?: string;
    readonly identityToken?: string;
  };
}

export const PULL_IMAGE = unary<PullImageRequest, { imageRef: string }>(
  'runtime.v1.ImageService',
  'PullImage',
);

/** A message that travels as `AnyMessage`. */
export interface MessageType<Message> {
  /** With its package. */
  readonly type: string;
  readonly message?: Message;
}

export const STREAM_INIT: MessageType<{ id: string }> = {
  type: 'containerd.services.streaming.v1.StreamInit',
};
export const OCI_REGISTRY: MessageType<{
  reference: string;
  resolver: { authStream: string; hostDir: string };
}> = { type: 'containerd.types.transfer.OCIRegistry' };
export const IMAGE_STORE: MessageType<{ name: string; platforms: readonly Platform[] }> = {
  type: 'containerd.types.transfer.ImageStore',
};
export const AUTH_REQUEST: MessageType<{ host: string; reference: string }> = {
  type: 'containerd.types.transfer.AuthRequest',
};
export const AUTH_RESPONSE: MessageType<{ authType: string; username?: string; secret?: string }> = {
  type: 'containerd.types.transfer.AuthResponse',
};
export const PROGRESS: MessageType<{ event: string; name: string; progress: number; total: number }> = {
  type: 'containerd.types.transfer.Progress',
};
