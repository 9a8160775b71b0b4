import { algorithmOf, digestOf, isDigest } from '../../src/image/digest.ts';
import { type Answer, answer, refusal } from './answer.ts';
import type { Call } from './call.ts';
import { isComplete, parse } from './manifest-body.ts';
import type { StoredManifest } from './store.ts';

export function manifests(call: Call): Answer | Promise<Answer> {
  const { method } = call.incoming;
  if (method === 'GET' || method === 'HEAD') return getManifest(call);
  if (method === 'PUT') return putManifest(call);
  if (method === 'DELETE') return deleteManifest(call);
  return refusal(405, 'UNSUPPORTED');
}

function getManifest({ repository, id, traits, incoming }: Call): Answer {
  const found = repository.manifest(id);
  if (found === undefined) return refusal(404, 'MANIFEST_UNKNOWN');
  const accept = incoming.headers.accept ?? '*/*';
  if (traits.checksAccept && !accept.includes(found.mediaType) && !accept.includes('*/*')) {
    return refusal(404, 'MANIFEST_UNKNOWN');
  }
  const digest = repository.tags.get(id) ?? id;
  return answer(200, { 'content-type': found.mediaType, 'docker-content-digest': digest }, found.bytes);
}

async function putManifest(call: Call): Promise<Answer> {
  const { name, repository, id, traits, incoming } = call;
  const manifest = { mediaType: incoming.headers['content-type'] ?? '', bytes: await incoming.body() };
  const refused = refusalOf(call, manifest);
  if (refused !== undefined) return refused;
  const digest = repository.putManifest(manifest, id);
  const subject = parse(manifest)?.subject?.digest;
  return answer(201, {
    location: `/v2/${name}/manifests/${digest}`,
    'docker-content-digest': digest,
    ...(traits.referrers && subject !== undefined && { 'oci-subject': subject }),
  });
}

function refusalOf({ repository, id, traits }: Call, manifest: StoredManifest): Answer | undefined {
  const parsed = parse(manifest);
  if (parsed === undefined) return refusal(400, 'MANIFEST_INVALID');
  if (isDigest(id) && digestOf(manifest.bytes, algorithmOf(id)) !== id) return refusal(400, 'DIGEST_INVALID');
  if (traits.immutableTags && repository.tags.has(id)) return refusal(400, 'TAG_INVALID');
  if (traits.checksReferences && !isComplete(repository, parsed))
    return refusal(400, 'MANIFEST_BLOB_UNKNOWN');
  return repository.attempt(id) > traits.settlingPuts ? undefined : refusal(400, 'MANIFEST_BLOB_UNKNOWN');
}

function deleteManifest({ repository, id }: Call): Answer {
  if (repository.tags.delete(id)) return answer(202);
  if (!repository.manifests.delete(id)) return refusal(404, 'MANIFEST_UNKNOWN');
  for (const [tag, digest] of repository.tags) if (digest === id) repository.tags.delete(tag);
  return answer(202);
}
