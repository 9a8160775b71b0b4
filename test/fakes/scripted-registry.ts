import { buffer } from 'node:stream/consumers';
import type { Digest } from '../../src/image/digest.ts';
import type { MadeImage } from '../images/image.ts';
import { type Answer, answer, refusal } from './answer.ts';
import { type Auth, authorize } from './authorization.ts';
import { blobs } from './blobs.ts';
import type { Call } from './call.ts';
import { type Incoming, type Listener, type ListenerOptions, listen } from './listener.ts';
import { manifests } from './manifests.ts';
import { referrers } from './referrers.ts';
import { Store } from './store.ts';
import { tags } from './tags.ts';
import { DOCKER_REGISTRY, type Traits } from './traits.ts';
import { uploads } from './uploads.ts';

/** An image under a name. Without a tag it is there by its digest alone. */
interface Placed {
  readonly repository: string;
  readonly tag?: string;
  readonly image: MadeImage;
}

export interface RegistryOptions extends ListenerOptions {
  readonly images?: readonly Placed[];
  /** Default: everybody may do everything. */
  readonly auth?: Auth;
  /** Where it differs from docker-registry. */
  readonly traits?: Partial<Traits>;
}

/** A registry in memory that works, but for the faults that a test scripts. */
export interface ScriptedRegistry extends Listener {
  /** Puts an image with all its parts there. */
  seed(placed: Placed): Promise<void>;
  putBlob(repository: string, bytes: Buffer): Digest;
  /** Puts any bytes there as a manifest, unread. @param tag default: by digest alone */
  putManifest(repository: string, manifest: { mediaType: string; bytes: Buffer }, tag?: string): Digest;
  /** @returns what is there, or undefined */
  blob(repository: string, digest: string): Buffer | undefined;
  /** @param identifier tag or digest */
  manifest(repository: string, identifier: string): Buffer | undefined;
  /** Forgets a blob, as a garbage collector does: manifests that need it stay. */
  dropBlob(repository: string, digest: string): void;
  tags(repository: string): readonly string[];
  /** Uploads that were begun and neither finished nor cancelled. */
  openUploads(): number;
}

export async function startRegistry(options: RegistryOptions = {}): Promise<ScriptedRegistry> {
  const store = new Store();
  const traits = { ...DOCKER_REGISTRY, ...options.traits };
  const listener = await listen((incoming) => handle(incoming, store, traits, options.auth), options);
  for (const placed of options.images ?? []) await seed(store, placed);
  return {
    ...listener,
    seed: (placed) => seed(store, placed),
    putBlob: (repository, bytes) => store.repository(repository).putBlob(bytes),
    putManifest: (repository, manifest, tag) => store.repository(repository).putManifest(manifest, tag),
    blob: (repository, digest) => store.repository(repository).blobs.get(digest),
    manifest: (repository, identifier) => store.repository(repository).manifest(identifier)?.bytes,
    dropBlob: (repository, digest) => void store.repository(repository).blobs.delete(digest),
    tags: (repository) => [...store.repository(repository).tags.keys()],
    openUploads: () => store.uploads.size,
  };
}

async function seed(store: Store, { repository, tag, image }: Placed): Promise<void> {
  for (const child of image.children) await seed(store, { repository, image: child });
  const target = store.repository(repository);
  for (const blob of image.blobs) target.putBlob(await buffer(blob.open()));
  target.putManifest({ mediaType: image.content.descriptor.mediaType, bytes: image.content.bytes }, tag);
}

const PARTS: Readonly<Record<string, (call: Call) => Answer | Promise<Answer>>> = {
  manifests,
  blobs,
  'blobs/uploads': uploads,
  referrers,
  tags,
};

function handle(
  incoming: Incoming,
  store: Store,
  traits: Traits,
  auth: Auth | undefined,
): Answer | Promise<Answer> {
  const [, name = '', part = '', id = ''] = PATH.exec(incoming.path) ?? [];
  const refused = auth === undefined ? undefined : authorize(auth, incoming, name);
  if (refused !== undefined) return refused;
  if (incoming.path === '/v2/') return answer(200, { 'content-type': 'application/json' }, '{}');
  const serve = PARTS[part];
  if (serve === undefined) return refusal(404, 'NAME_UNKNOWN');
  return serve({ name, id, repository: store.repository(name), store, traits, incoming });
}

/** `/v2/<name>/<part>/<id>`; the name may have slashes and any of the parts' words in it. */
const PATH = /^\/v2\/(.+)\/(manifests|blobs\/uploads|blobs|referrers|tags)\/([^/]*)$/;
