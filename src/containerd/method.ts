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
  readonly offset: number;
  readonly data: Buffer;
}

const CONTENT = 'containerd.services.content.v1.Content';
export const CONTENT_INFO = unary<{ digest: string }, { info: { size: number } | null }>(CONTENT, 'Info');
export const READ_CONTENT: Method<{ digest: string }, ReadMessage, 'server-stream'> = {
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
