import type { Repository } from './credential.ts';
import { globMatches } from './glob.ts';

/**
 * A pattern of repositories as Kubernetes' credential providers write it (`matchImages`, keys of `auth`): host with
 * `*` in its labels, optional port, optional path.
 */
export interface MatchImage {
  /** The host's parts between dots; `*` stands for any text within one part. */
  readonly labels: readonly string[];
  /** Empty when none is written, which is a port of its own: `:443` does not match its absence. */
  readonly port: string;
  /** Decoded, from its first slash on, or empty. */
  readonly path: string;
}

/** User information before an `@` is dropped, query and fragment behind the path too, as Go's `url.Parse` does. */
const PATTERN = /^(?:[^/?#]*@)?([^/?#]*)([^?#]*)/;
/** Go's `validOptionalPort`: the colon alone means no port. */
const HOST_PORT = /^(\[[0-9a-f:.]+\]|[^:[\]]*)(?::(\d*))?$/i;
/** What Go's `url.Parse` lets stand in a host. `?` and `[…]` are glob characters that therefore never get that far. */
const HOST = /^[\w.~!$&'()*+,;=:[\]<>"-]*$/;

/** @returns undefined for what is no pattern; Kubernetes ignores such keys, too. */
export function parseMatchImage(text: string): MatchImage | undefined {
  const [, authority = '', rawPath = ''] = PATTERN.exec(text) ?? [];
  const [, host = '', port = ''] = HOST_PORT.exec(authority) ?? [];
  const path = decode(rawPath);
  if (host === '' || !HOST.test(host) || path === undefined) return undefined;
  return { labels: host.toLowerCase().split('.'), port, path };
}

function decode(path: string): string | undefined {
  try {
    return decodeURIComponent(path);
  } catch {
    return undefined;
  }
}

/**
 * Kubernetes' rule (credentialprovider, `URLsMatch`): as many labels, each one matching; the same port; and the path a
 * prefix, of the text and not of its components: `reg.io/team` also serves `reg.io/team-b/app` (kubernetes#102472).
 */
export function matchesImage(pattern: MatchImage, repository: Repository): boolean {
  const target = parseMatchImage(`${repository.host}/${repository.path}`);
  return (
    target !== undefined &&
    pattern.port === target.port &&
    target.path.startsWith(pattern.path) &&
    pattern.labels.length === target.labels.length &&
    pattern.labels.every((label, index) => globMatches(label, target.labels[index] ?? ''))
  );
}

/** The pattern as text in its plainest form, without user information: safe to show, and what keys are sorted by. */
export function formatMatchImage({ labels, port, path }: MatchImage): string {
  return `${labels.join('.')}${port === '' ? '' : `:${port}`}${path}`;
}
