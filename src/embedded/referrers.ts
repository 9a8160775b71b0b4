import { OCI_INDEX } from '../image/media-type.ts';
import { answerBytes } from './answer.ts';
import type { Call } from './call.ts';
import { digestFrom } from './identifier.ts';

/**
 * OCI distribution spec, "Listing Referrers", filtered by `artifactType`. An empty list where nothing is known, the
 * repository included: 404 would say that there is no such API.
 */
export async function listReferrers({ ctx, name, id, repositories }: Call): Promise<void> {
  const digest = digestFrom(id);
  const all = (await (await repositories.find(name))?.predecessors({ digest })) ?? [];
  const wanted = new URLSearchParams(ctx.querystring).get('artifactType');
  const manifests = all.filter(({ artifactType }) => wanted === null || artifactType === wanted);
  const headers = {
    'Content-Type': OCI_INDEX,
    ...(wanted !== null && { 'OCI-Filters-Applied': 'artifactType' }),
  };
  answerBytes(ctx, 200, headers, JSON.stringify({ schemaVersion: 2, mediaType: OCI_INDEX, manifests }));
}
