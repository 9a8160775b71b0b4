import type { Readable } from 'node:stream';
import { type Dispatcher, request } from 'undici';
import type { Descriptor } from '../../src/image/descriptor.ts';
import type { MadeImage } from './image.ts';

/** Where an image can be put: a registry over HTTP (`repositoryAt`), an OCI layout, any target of a copy. */
export interface Place {
  readonly push: (
    descriptor: Descriptor,
    open: () => Promise<Readable>,
    signal: AbortSignal,
  ) => Promise<unknown>;
  readonly pushReference: (
    content: MadeImage['content'],
    identifier: string,
    signal: AbortSignal,
  ) => Promise<unknown>;
}

/** Pushes all parts of an image, one after the other, and the image last. @param tag default: by digest alone */
export async function pushImage(place: Place, image: MadeImage, tag?: string): Promise<void> {
  const signal = new AbortController().signal;
  for (const child of image.children) await pushImage(place, child);
  for (const { descriptor, open } of image.blobs) await place.push(descriptor, async () => open(), signal);
  await place.pushReference(image.content, tag ?? image.content.descriptor.digest, signal);
}

/**
 * A repository of any registry, reached by the simplest requests there are.
 * @param url of the registry: `http://127.0.0.1:5000`
 * @param headers sent with every request, such as `authorization`
 */
export function repositoryAt(url: string, repository: string, headers: Record<string, string> = {}): Place {
  const base = `${url}/v2/${repository}`;
  return {
    async push({ digest, size }, open) {
      const begun = await request(`${base}/blobs/uploads/`, { method: 'POST', headers });
      await expectStatus(202, begun, base);
      const location = new URL(String(begun.headers['location']), `${base}/blobs/uploads/`);
      location.searchParams.set('digest', digest);
      await put(location, { ...headers, 'content-length': String(size) }, size === 0 ? '' : await open());
    },
    async pushReference({ descriptor, bytes }, identifier) {
      const location = new URL(`${base}/manifests/${identifier}`);
      await put(location, { ...headers, 'content-type': descriptor.mediaType }, bytes);
    },
  };
}

async function put(url: URL, headers: Record<string, string>, body: Buffer | Readable | ''): Promise<void> {
  await expectStatus(201, await request(url, { method: 'PUT', headers, body }), url.pathname);
}

async function expectStatus(wanted: number, answer: Dispatcher.ResponseData, where: string): Promise<void> {
  const text = await answer.body.text();
  if (answer.statusCode === wanted) return;
  throw new Error(`Cannot push to ${where}: wanted ${wanted}, got ${answer.statusCode} ${text}`);
}
