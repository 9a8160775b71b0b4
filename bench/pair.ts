/** A reference with the tag to read, and one to write. */
export interface Pair {
  readonly source: string;
  readonly target: string;
}
