import { isDigest } from '../image/digest.ts';

/** What a side of a copy was called is neither a reference nor a layout. */
export class InvalidPlaceError extends Error {
  override readonly name = 'InvalidPlaceError';
  readonly code = 'INVALID_PLACE';

  constructor(text: string, why: string) {
    super(`Cannot use ${JSON.stringify(text)}: ${why}`);
  }
}

/** An OCI image layout, and what is meant in it. */
export interface LayoutName {
  readonly directory: string;
  /** Tag or digest. */
  readonly identifier: string | undefined;
}

/** Hides a registry on a host that is called "oci" and has a port, as it does for skopeo. */
const SCHEME = 'oci:';
/** A colon in the name of a folder would be taken for the one before the tag, so there is none. */
const LAYOUT = /^(?<directory>[^:]+?)(?::(?<tag>\w[\w.-]{0,127}))?(?:@(?<digest>[a-z0-9]+:[0-9a-f]+))?$/;

/**
 * Reads `oci:DIR`, `oci:DIR:tag` and `oci:DIR@digest`, the names that skopeo and others have for a layout.
 * @returns undefined for what is to be read as a reference
 * @throws InvalidPlaceError
 */
export function readLayoutName(text: string): LayoutName | undefined {
  if (!text.startsWith(SCHEME)) return undefined;
  const { directory, tag, digest } = LAYOUT.exec(text.slice(SCHEME.length))?.groups ?? {};
  if (directory === undefined || (digest !== undefined && !isDigest(digest)))
    throw new InvalidPlaceError(text, 'wanted "oci:DIR", "oci:DIR:tag" or "oci:DIR@digest"');
  return { directory, identifier: digest ?? tag };
}
