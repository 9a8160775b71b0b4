/** Longest text that is passed on (OCI distribution spec, "Warnings": 4096 for all of them together). */
const LONGEST_TEXT = 300;
/** Texts remembered as told for each host: a registry that makes up new ones all the time is not listened to. */
const MOST_WARNINGS = 100;

/** `299 - "text"`: the only form that the spec allows; warnings of proxies have other codes and agents. */
const WARNING = /^299 - "((?:[^"\\]|\\.)*)"/;

/** The warnings of one registry that were passed on already. */
export class Warnings {
  readonly #told = new Set<string>();

  /** @returns the texts in a `Warning` header that were not told before */
  fresh(header: string | readonly string[] | undefined): readonly string[] {
    const texts = new Set([header ?? []].flat().flatMap(textOf));
    const fresh = [...texts].filter((text) => !this.#told.has(text));
    const told = fresh.slice(0, MOST_WARNINGS - this.#told.size);
    for (const text of told) this.#told.add(text);
    return told;
  }
}

function textOf(value: string): readonly string[] {
  const quoted = WARNING.exec(value.trim())?.[1];
  return quoted === undefined ? [] : [quoted.replaceAll(/\\(.)/g, '$1').slice(0, LONGEST_TEXT)];
}
