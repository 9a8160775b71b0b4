import { answerBytes } from './answer.ts';
import type { Call } from './call.ts';
import { Refusal } from './refusal.ts';

/** OCI distribution spec, "Listing Tags", with `n` and `last`. */
export async function listTags({ ctx, name, repositories }: Call): Promise<void> {
  const query = new URLSearchParams(ctx.querystring);
  const tags = [...(await (await repositories.get(name)).tags())].toSorted(compareBytes);
  const last = query.get('last') ?? '';
  const rest = tags.filter((tag) => tag > last);
  const page = rest.slice(0, countFrom(query.get('n')));
  const headers: Record<string, string> = { 'Content-Type': 'application/json' };
  const next = page.at(-1);
  if (next !== undefined && page.length < rest.length)
    headers['Link'] = `</v2/${name}/tags/list?n=${page.length}&last=${next}>; rel="next"`;
  answerBytes(ctx, 200, headers, JSON.stringify({ name, tags: page }));
}

/** "ASCIIbetical", as the spec has it; tags have no other characters. */
function compareBytes(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}

function countFrom(text: string | null): number | undefined {
  if (text === null) return undefined;
  if (/^\d+$/.test(text)) return Number(text);
  throw new Refusal({ status: 400, code: 'UNSUPPORTED', message: 'wanted a number in "n"' });
}
