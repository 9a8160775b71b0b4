/** A request target (RFC 9112, section 3.2) in origin form, cut at its first question mark; nothing is decoded. */
export interface RequestTarget {
  readonly path: string;
  readonly query: URLSearchParams;
}

/** Never throws: anybody may send anything as a target, and a path we do not serve is simply not found. */
export function parseTarget(target: string | undefined): RequestTarget {
  const [path = '', ...query] = (target ?? '').split('?');
  return { path, query: new URLSearchParams(query.join('?')) };
}
