/** RFC 6901: the way to one value in a JSON document. */
export type Pointer = string;

/** Joins member names; `~` and `/` inside of a name are escaped. */
export function pointerTo(path: readonly string[]): Pointer {
  return path.map((step) => `/${step.replaceAll('~', '~0').replaceAll('/', '~1')}`).join('');
}
