import { Refusal } from './refusal.ts';

export type Part = 'manifests' | 'blobs' | 'uploads' | 'tags' | 'referrers';

/** What a path names (OCI distribution spec, "Endpoints"). */
export interface Route {
  readonly part: Part;
  /** Repository; its form is checked where it is used. */
  readonly name: string;
  /** Tag, digest or upload id, as it was sent. */
  readonly id: string;
}

const PARTS: readonly { readonly part: Part; readonly path: RegExp }[] = [
  { part: 'uploads', path: /^\/v2\/(.+)\/blobs\/uploads\/([^/]*)$/ },
  { part: 'uploads', path: /^\/v2\/(.+)\/blobs\/uploads()$/ },
  { part: 'manifests', path: /^\/v2\/(.+)\/manifests\/([^/]+)$/ },
  { part: 'blobs', path: /^\/v2\/(.+)\/blobs\/([^/]+)$/ },
  { part: 'tags', path: /^\/v2\/(.+)\/tags\/list()$/ },
  { part: 'referrers', path: /^\/v2\/(.+)\/referrers\/([^/]+)$/ },
];

/** @param path as it was sent. @returns undefined when it names nothing. @throws Refusal */
export function routeOf(path: string): Route | undefined {
  const decoded = decode(path);
  for (const { part, path: pattern } of PARTS) {
    const match = pattern.exec(decoded);
    if (match !== null) return { part, name: match[1] ?? '', id: match[2] ?? '' };
  }
  return undefined;
}

/** Some clients encode the colon of a digest. What is decoded here meets a strict grammar before it is used. */
function decode(path: string): string {
  try {
    return decodeURIComponent(path);
  } catch (cause) {
    throw new Refusal({ status: 400, code: 'NAME_INVALID', message: 'path is not valid', cause });
  }
}
