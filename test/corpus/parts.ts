import type { Descriptor } from '../../src/image/descriptor.ts';
import { type Digest, digestOf } from '../../src/image/digest.ts';
import { OCI_CONFIG, OCI_INDEX, OCI_LAYER_GZIP, OCI_MANIFEST } from '../../src/image/media-type.ts';
import type { MadeImage } from '../images/image.ts';
import { type MadeBlob, makeBlob } from '../images/layer.ts';
import { randomBytes } from '../images/random-bytes.ts';

/** What a test says of a manifest or index beyond its parts; a member that is undefined is left out. */
export type Members = Readonly<Record<string, unknown>>;

/** Something that a manifest lists: a blob, or no more than the words for one that stays elsewhere. */
export interface Listed {
  readonly descriptor: Descriptor;
  readonly open?: MadeBlob['open'];
}

type Algorithm = 'sha256' | 'sha512';

interface BlobOptions {
  readonly mediaType?: string;
  readonly size?: number;
  readonly algorithm?: Algorithm;
}

/** @param seed same seed, same bytes */
export function layer(
  seed: number,
  { mediaType = OCI_LAYER_GZIP, size = 200 + seed, algorithm }: BlobOptions = {},
): MadeBlob {
  return blob(Buffer.concat([...randomBytes(seed, size)]), mediaType, algorithm);
}

export function json(value: unknown, mediaType: string, algorithm?: Algorithm): MadeBlob {
  return blob(Buffer.from(JSON.stringify(value)), mediaType, algorithm);
}

function blob(bytes: Buffer, mediaType: string, algorithm?: Algorithm): MadeBlob {
  const { descriptor, open } = makeBlob(bytes, mediaType);
  return { descriptor: { ...descriptor, digest: digestOf(bytes, algorithm) }, open };
}

/** Config of an image for one architecture. */
export function config(architecture = 'amd64', more: Members = {}): MadeBlob {
  return json(
    { architecture, os: 'linux', config: {}, rootfs: { type: 'layers', diff_ids: [] }, ...more },
    OCI_CONFIG,
  );
}

/** An image or artifact, as its members and the parts that it lists say. */
export function manifest(
  listed: { readonly config?: Listed; readonly layers?: readonly Listed[] },
  members: Members = {},
): MadeImage {
  const { config: first, layers = [] } = listed;
  const parts = [...(first === undefined ? [] : [first]), ...layers];
  const body = { config: first?.descriptor, layers: layers.map(({ descriptor }) => descriptor), ...members };
  return made(OCI_MANIFEST, body, { blobs: parts.flatMap(openable), children: [] });
}

/** An index of these, in their order. @param entry what is said of each child beside what it is */
export function index(
  children: readonly MadeImage[],
  members: Members = {},
  entry: (child: MadeImage, at: number) => Members = () => ({}),
): MadeImage {
  const manifests = children.map((child, at) => ({ ...child.content.descriptor, ...entry(child, at) }));
  return made(OCI_INDEX, { manifests, ...members }, { blobs: [], children: [...new Set(children)] });
}

/** What a referrer says of its subject, and an index of a child: nothing but what it is. */
export function descriptorOf({ content: { descriptor } }: MadeImage): Descriptor {
  const { mediaType, digest, size } = descriptor;
  return { mediaType, digest, size };
}

/** The same content under its digest of another algorithm. */
export function manifestBy(algorithm: Algorithm, image: MadeImage): MadeImage {
  const { descriptor, bytes } = image.content;
  return { ...image, content: { bytes, descriptor: { ...descriptor, digest: digestOf(bytes, algorithm) } } };
}

function made(mediaType: string, body: Members, parts: Pick<MadeImage, 'blobs' | 'children'>): MadeImage {
  const whole = { schemaVersion: 2, mediaType, ...body };
  const bytes = Buffer.from(JSON.stringify(whole));
  const digest: Digest = digestOf(bytes);
  const said = typeof whole.mediaType === 'string' ? whole.mediaType : mediaType;
  return { content: { descriptor: { mediaType: said, digest, size: bytes.length }, bytes }, ...parts };
}

function openable({ descriptor, open }: Listed): readonly MadeBlob[] {
  return open === undefined ? [] : [{ descriptor, open }];
}
