import { OCI_INDEX } from '../../src/image/media-type.ts';
import { type Answer, answer } from './answer.ts';
import type { Call } from './call.ts';
import { parse } from './manifest-body.ts';
import type { StoredManifest } from './store.ts';

/** The index of manifests whose subject is `id` (OCI distribution spec, "Listing Referrers"). */
export function referrers({ repository, id, traits, incoming }: Call): Answer {
  if (!traits.referrers) return answer(404, { 'content-type': 'text/plain' }, '404 page not found\n');
  const wanted = incoming.query.get('artifactType');
  const all = [...repository.manifests].filter(([, stored]) => parse(stored)?.subject?.digest === id);
  const list = all.map(descriptorOf).filter((entry) => wanted === null || entry['artifactType'] === wanted);
  const headers = {
    'content-type': OCI_INDEX,
    ...(wanted !== null && { 'oci-filters-applied': 'artifactType' }),
  };
  return answer(200, headers, JSON.stringify({ schemaVersion: 2, mediaType: OCI_INDEX, manifests: list }));
}

function descriptorOf([digest, stored]: [string, StoredManifest]): Record<string, unknown> {
  const { mediaType, artifactType, annotations } = parse(stored) ?? {};
  return { mediaType, digest, size: stored.bytes.length, artifactType, annotations };
}
