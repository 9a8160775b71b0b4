import { type Answer, answer, refusal } from './answer.ts';
import type { Call } from './call.ts';

/** Tags in the order of their names, a page at a time (OCI distribution spec, "Listing Tags"). */
export function tags({ name, repository, incoming }: Call): Answer {
  if (repository.tags.size === 0) return refusal(404, 'NAME_UNKNOWN');
  const last = incoming.query.get('last') ?? '';
  const rest = [...repository.tags.keys()].toSorted().filter((tag) => tag > last);
  const page = rest.slice(0, Number(incoming.query.get('n') ?? rest.length));
  const next = `</v2/${name}/tags/list?n=${page.length}&last=${page.at(-1)}>; rel="next"`;
  const headers = { 'content-type': 'application/json', ...(page.length < rest.length && { link: next }) };
  return answer(200, headers, JSON.stringify({ name, tags: page }));
}
