/**
 * Does `*`, for any run of characters, make the pattern fit the whole text?
 *
 * The texts come from strangers, so the work is bounded by the product of the lengths; a regular expression with
 * several stars is not.
 */
export function globMatches(pattern: string, text: string): boolean {
  let at = 0;
  let retry: { readonly pattern: number; text: number } | undefined;
  let read = 0;
  while (read < text.length) {
    if (pattern[at] === '*') {
      retry = { pattern: at + 1, text: read };
      at += 1;
    } else if (pattern[at] === text[read]) {
      at += 1;
      read += 1;
    } else if (retry !== undefined) {
      // The last star takes one character more; earlier stars never need to.
      retry.text += 1;
      at = retry.pattern;
      read = retry.text;
    } else return false;
  }
  return /^\**$/.test(pattern.slice(at));
}
