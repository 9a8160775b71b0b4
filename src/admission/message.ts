import { familiarReference, type Reference } from '../image/reference.ts';

/** Kubernetes asks for warnings of at most this many characters; longer ones may be cut in the middle of a word. */
const LONGEST_WARNING = 120;
/** All warnings of a request share 4,096 characters (apiserver `pkg/endpoints/filters/warning.go`). */
const MOST_WARNINGS = 10;
/** Long enough for some reasons, short enough for a terminal and an Event. */
const LONGEST_DENIAL = 1000;

const SIGNATURE = 'image-cloner: ';
const SIDES = { source: 'source registry', target: 'backup registry' } as const;

/** What tells a user about one image. No word of it comes from a registry's answer: tenants read this. */
export function swapped(source: Reference, backup: Reference): string {
  return `${quote(source)} is now ${quote(backup)}`;
}

export function hasMoved(source: Reference, backup: Reference): string {
  return `moved at its source since it was copied: ${quote(source)} is now ${quote(backup)}`;
}

export function stillCopying(source: Reference): string {
  return `${quote(source)} is still being copied and stays as it is for now`;
}

export function notYetThere(source: Reference, backup: Reference): string {
  return `still being copied, pulls may fail: ${quote(source)} is now ${quote(backup)}`;
}

export function notCopied(source: Reference, error: Error): string {
  return `${quote(source)} was not copied and stays as it is: ${reasonOf(error)}`;
}

export function otherDigest(source: Reference): string {
  return `saved with another digest than wanted and stays as it is: ${quote(source)}`;
}

export function deniedOtherDigest(source: Reference): string {
  return `${quote(source)} could only be saved with another digest`;
}

export function wouldBeCopied(source: Reference, backup: Reference): string {
  return `${quote(source)} would be copied to ${quote(backup)}`;
}

export function notThere(source: Reference): string {
  return `${quote(source)} is not in the backup registry and stays as it is`;
}

export function warned(source: Reference, backup: Reference, said: string | undefined): string {
  return said === undefined ? wouldBeCopied(source, backup) : `${quote(source)}: ${said}`;
}

export function deniedByRule(source: Reference, rule: string, said: string | undefined): string {
  return `${quote(source)}: ${said ?? `not allowed here, by the rule ${JSON.stringify(rule)}`}`;
}

export function unreadable(image: string): string {
  return `not an image reference, left as it is: ${JSON.stringify(image.slice(0, LONGEST_WARNING))}`;
}

export function sourceNotAllowed(image: string): string {
  return `not copied, its registry is no allowed source: ${JSON.stringify(image.slice(0, LONGEST_WARNING))}`;
}

export function notSafe(): string {
  return 'the images stay as they are: the change could not be made safely';
}

export function deniedWhileCopying(source: Reference): string {
  return `${quote(source)} is still being copied to the backup registry, try again in a moment`;
}

export function deniedUncopied(source: Reference, error: Error): string {
  return `${quote(source)} could not be copied to the backup registry: ${reasonOf(error)}`;
}

/** What an error, or one that it came of, says can be done; our own words, meant for those who read this. */
export function adviceIn(error: unknown): string | undefined {
  if (!(error instanceof Error)) return undefined;
  const advice: unknown = Reflect.get(error, 'advice');
  return typeof advice === 'string' ? advice : adviceIn(error.cause);
}

/** Where no pull secret is ever used, a source that wants a password is the operator's matter. */
export function adviceOnPrivate(error: Error): string | undefined {
  const isPrivate = ['UNAUTHORIZED', 'DENIED'].includes(String(Reflect.get(error, 'code')));
  const isSource = Reflect.get(error, 'side') === 'source';
  return isPrivate && isSource
    ? 'pull secrets are not used for copies here; the operator can allow it: access.pullSecrets'
    : undefined;
}

function quote(reference: Reference): string {
  return `"${familiarReference(reference)}"`;
}

/** Where it failed and the error's stable code in words; the rest is in the log, for operators. */
function reasonOf(error: Error): string {
  const code: unknown = Reflect.get(error, 'code');
  const side: unknown = Reflect.get(error, 'side');
  const isStable = typeof code === 'string' && /^[A-Z_]+$/.test(code);
  const words = isStable ? code.toLowerCase().replaceAll('_', ' ') : 'unknown';
  return side === 'source' || side === 'target' ? `${words} (${SIDES[side]})` : words;
}

/** Warnings as the API server hands them on: each once, printable, short and few. */
export function boundedWarnings(texts: readonly string[]): readonly string[] {
  const all = [...new Set(texts)];
  const shown = all.length <= MOST_WARNINGS ? all : all.slice(0, MOST_WARNINGS - 1);
  const rest = all.length - shown.length;
  return [...shown, ...(rest > 0 ? [`and ${rest} more`] : [])].map((text) =>
    bounded(SIGNATURE + text, LONGEST_WARNING),
  );
}

/** The message of a denial; `admission webhook "…" denied the request: ` is put before it. */
export function boundedDenial(reasons: readonly string[]): string {
  return bounded([...new Set(reasons)].join('; '), LONGEST_DENIAL);
}

/** A warning with a control character is dropped as a whole, and an image may be written with any. */
function bounded(text: string, most: number): string {
  const clean = text.slice(0, most + 1).replaceAll(/[\p{C}\p{Zl}\p{Zp}]/gu, '?');
  return clean.length > most ? `${clean.slice(0, most - 1).toWellFormed()}…` : clean;
}
