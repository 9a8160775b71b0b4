const HIDDEN = '[hidden]';

/** `https://user:password@host`: what stands before the `@`. */
const USER_INFO = /(\b[a-z][a-z0-9+.-]{0,15}:\/\/)[^\s/?#"'@]*@/gi;
/** Signed download addresses of registries carry their right to read in the query. */
const QUERY = /(\b[a-z][a-z0-9+.-]{0,15}:\/\/[^\s?"']*)\?[^\s"']*/gi;
const AUTHORIZATION = /\b(Bearer|Basic)\s+[\w.~+/=-]{8,}/gi;

/** More than any message needs; bounds the work on text that a stranger made. */
const LONGEST_TEXT = 8192;

/** Blots out of free text what must never reach a log: user information and queries of URLs, credentials. */
export function hideSecrets(text: string): string {
  return text
    .slice(0, LONGEST_TEXT)
    .replaceAll(USER_INFO, `$1${HIDDEN}@`)
    .replaceAll(QUERY, `$1?${HIDDEN}`)
    .replaceAll(AUTHORIZATION, `$1 ${HIDDEN}`);
}
