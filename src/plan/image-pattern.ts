import { formatReference, type Reference, repositoryOf } from '../image/reference.ts';
import { globToRegExp } from './glob.ts';

export type ImageMatch = (image: Reference) => boolean;

/**
 * A glob of normalised references. It has to match all of `docker.io/library/alpine:3.12`, or all of it without tag and
 * digest: `docker.io/library/*` means every tag of every official image.
 */
export function imageMatch(pattern: string): ImageMatch {
  const expression = globToRegExp(pattern);
  return (image) => expression.test(formatReference(image)) || expression.test(repositoryOf(image));
}

/** Why a pattern can never match what it was meant for; undefined when nothing is wrong with it. */
export function imagePatternFault(pattern: string): string | undefined {
  const slash = pattern.indexOf('/');
  const [host, path] = slash < 0 ? ['', pattern] : [pattern.slice(0, slash), pattern.slice(slash + 1)];
  if (/[\s\p{C}]/u.test(pattern)) return 'wanted no spaces';
  if (path === '') return 'wanted a path after the host';
  if (path.startsWith('**')) return undefined;
  if (slash < 0 && pattern.includes('**')) return undefined;
  return hostFault(host, pattern) ?? caseFault(path);
}

/** References are matched in full: `alpine` is `docker.io/library/alpine`, and `team/app` is `docker.io/team/app`. */
function hostFault(host: string, pattern: string): string | undefined {
  if (/[.:*?]/.test(host) || host === 'localhost') return undefined;
  const meant = host === '' ? `docker.io/library/${pattern}` : `docker.io/${pattern}`;
  return `wanted the registry host first, such as "${meant}"`;
}

/** Repositories are lower case; tags and digests follow the first `:` or `@`. */
function caseFault(path: string): string | undefined {
  const name = path.split(/[:@]/, 1)[0] ?? '';
  return name === name.toLowerCase() ? undefined : 'wanted a repository in lower case';
}
