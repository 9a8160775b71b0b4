import { algorithmOf, digestOf, isDigest } from '../../src/image/digest.ts';
import { type Answer, answer, refusal } from './answer.ts';
import type { Call } from './call.ts';

export async function uploads(call: Call): Promise<Answer> {
  if (call.id === '') return call.incoming.method === 'POST' ? begin(call) : refusal(405, 'UNSUPPORTED');
  const upload = call.store.uploads.get(call.id);
  if (upload?.repository !== call.name) return refusal(404, 'BLOB_UPLOAD_UNKNOWN');
  if (call.incoming.query.get('_state') !== upload.state) return refusal(400, 'BLOB_UPLOAD_INVALID');
  switch (call.incoming.method) {
    case 'PATCH':
      return append(call, upload.chunks);
    case 'PUT':
      return finish(call, upload.chunks);
    case 'GET':
      return progress(call, 204, upload.chunks);
    case 'DELETE':
      call.store.uploads.delete(call.id);
      return answer(204);
    default:
      return refusal(405, 'UNSUPPORTED');
  }
}

async function begin(call: Call): Promise<Answer> {
  const { store, name, traits, incoming } = call;
  const mounted = traits.mounts ? mount(call) : undefined;
  if (mounted !== undefined) return mounted;
  const digest = incoming.query.get('digest');
  if (traits.singlePost && digest !== null) return commit(call, digest, await incoming.body());
  return answer(202, { location: store.beginUpload(name), range: '0-0' });
}

function mount({ store, name, repository, incoming }: Call): Answer | undefined {
  const digest = incoming.query.get('mount') ?? '';
  const bytes = store.repository(incoming.query.get('from') ?? '').blobs.get(digest);
  if (bytes === undefined) return undefined;
  repository.blobs.set(digest, bytes);
  return created(name, digest);
}

async function append(call: Call, chunks: Buffer[]): Promise<Answer> {
  const range = /^(\d+)-\d+$/.exec(call.incoming.headers['content-range'] ?? '');
  if (range !== null && Number(range[1]) !== lengthOf(chunks)) return progress(call, 416, chunks);
  chunks.push(await call.incoming.body());
  return progress(call, 202, chunks);
}

async function finish(call: Call, chunks: readonly Buffer[]): Promise<Answer> {
  // A session is good for one PUT, however that ends: [M] of docker-registry 2.8.
  call.store.uploads.delete(call.id);
  return commit(
    call,
    call.incoming.query.get('digest') ?? '',
    Buffer.concat([...chunks, await call.incoming.body()]),
  );
}

function commit({ name, repository, traits }: Call, digest: string, bytes: Buffer): Answer {
  if (!isDigest(digest) || digestOf(bytes, algorithmOf(digest)) !== digest)
    return refusal(400, 'DIGEST_INVALID');
  return created(name, repository.putBlob(bytes, traits.sha256Only ? 'sha256' : algorithmOf(digest)));
}

function created(name: string, digest: string): Answer {
  return answer(201, { location: `/v2/${name}/blobs/${digest}`, 'docker-content-digest': digest });
}

function progress({ incoming }: Call, status: number, chunks: readonly Buffer[]): Answer {
  const location = `${incoming.path}?_state=${encodeURIComponent(incoming.query.get('_state') ?? '')}`;
  return answer(status, { location, range: `0-${Math.max(lengthOf(chunks) - 1, 0)}` });
}

function lengthOf(chunks: readonly Buffer[]): number {
  return chunks.reduce((sum, chunk) => sum + chunk.length, 0);
}
