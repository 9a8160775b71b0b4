/** One challenge of a WWW-Authenticate header (RFC 9110, 11.6.1). Scheme and parameter names in lower case. */
export interface Challenge {
  readonly scheme: string;
  readonly parameters: ReadonlyMap<string, string>;
}

/** Longest header text that is looked at; real ones stay under 1 KiB. */
const LONGEST_HEADER = 8192;

/** `token68` credentials of a scheme such as Negotiate: skipped, they carry nothing we use. */
const SCHEME = /^[\s,]*([!#$%&'*+.^_`|~\w-]+)(?:[ \t]+[\w.~+/-]+=*(?=[ \t]*(?:,|$)))?/;
const PARAMETER = /^[\s,]*([!#$%&'*+.^_`|~\w-]+)[ \t]*=[ \t]*(?:"((?:[^"\\]|\\.)*)"|([^\s,"]*))/;

/**
 * Reads every challenge of one or many header values, several to a value if need be. What cannot be read ends the
 * value it stands in; nothing throws, because a strange header must not cost us the good one beside it.
 */
export function parseChallenges(header: string | readonly string[] | undefined): readonly Challenge[] {
  const values = header === undefined ? [] : typeof header === 'string' ? [header] : header;
  return values.flatMap((value) => readValue(value.slice(0, LONGEST_HEADER)));
}

function readValue(value: string): Challenge[] {
  const challenges: Challenge[] = [];
  let rest = value;
  while (rest !== '') {
    const scheme = SCHEME.exec(rest);
    if (scheme?.[1] === undefined) return challenges;
    const { parameters, left } = readParameters(rest.slice(scheme[0].length));
    challenges.push({ scheme: scheme[1].toLowerCase(), parameters });
    // No progress means that the rest is no challenge.
    if (left.length >= rest.length) return challenges;
    rest = left;
  }
  return challenges;
}

function readParameters(text: string): { parameters: Map<string, string>; left: string } {
  const parameters = new Map<string, string>();
  let left = text;
  for (let match = PARAMETER.exec(left); match !== null; match = PARAMETER.exec(left)) {
    const [whole, name = '', quoted, token] = match;
    parameters.set(name.toLowerCase(), quoted?.replace(/\\(.)/g, '$1') ?? token ?? '');
    left = left.slice(whole.length);
  }
  return { parameters, left };
}
