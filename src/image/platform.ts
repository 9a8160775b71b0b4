/** Platform of a child of an index (OCI image spec, image-index.md). */
export interface Platform {
  readonly os: string;
  readonly architecture: string;
  readonly variant?: string;
}

/** `linux/arm64/v8`. */
export function formatPlatform({ os, architecture, variant }: Platform): string {
  return [os, architecture, ...(variant === undefined ? [] : [variant])].join('/');
}

export class InvalidPlatformError extends Error {
  override readonly name = 'InvalidPlatformError';
  readonly code = 'INVALID_PLATFORM';

  constructor(text: string) {
    super(
      `Cannot read platform ${JSON.stringify(text)}: wanted "os/architecture" or "os/architecture/variant"`,
    );
  }
}

/** @throws InvalidPlatformError */
export function parsePlatform(text: string): Platform {
  const [os, architecture, variant, ...more] = text.split('/');
  if (!os || !architecture || variant === '' || more.length > 0) throw new InvalidPlatformError(text);
  return variant === undefined ? { os, architecture } : { os, architecture, variant };
}

/** A wanted platform without a variant takes every variant, as containerd and Docker do for `linux/arm`. */
export function platformMatches(wanted: Platform, offered: Platform): boolean {
  return (
    wanted.os === offered.os &&
    wanted.architecture === offered.architecture &&
    (wanted.variant === undefined || wanted.variant === offered.variant)
  );
}
