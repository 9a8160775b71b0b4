import { type Answer, answer, refusal } from './answer.ts';
import type { Call } from './call.ts';

export function blobs(call: Call): Answer {
  const { repository, id, incoming } = call;
  const bytes = repository.blobs.get(id);
  if (bytes === undefined) return refusal(404, 'BLOB_UNKNOWN');
  if (incoming.method === 'DELETE') return deleteBlob(call);
  if (incoming.method !== 'GET' && incoming.method !== 'HEAD') return refusal(405, 'UNSUPPORTED');
  return getBlob(call, bytes);
}

function getBlob({ id, traits, incoming }: Call, bytes: Buffer): Answer {
  const headers = { 'content-type': 'application/octet-stream', 'docker-content-digest': id };
  const range = traits.ranges ? /^bytes=(\d+)-(\d*)$/.exec(incoming.headers.range ?? '') : null;
  if (range === null) return answer(200, headers, bytes);
  const start = Number(range[1]);
  if (start >= bytes.length) return refusal(416, 'RANGE_INVALID');
  const end = range[2] ? Math.min(Number(range[2]), bytes.length - 1) : bytes.length - 1;
  const contentRange = `bytes ${start}-${end}/${bytes.length}`;
  return answer(206, { ...headers, 'content-range': contentRange }, bytes.subarray(start, end + 1));
}

function deleteBlob({ repository, id }: Call): Answer {
  repository.blobs.delete(id);
  return answer(202);
}
