import { type Digest, isDigest } from './digest.ts';
import type { Platform } from './platform.ts';

/** A pointer to content (OCI image spec, descriptor.md). `size` in bytes. */
export interface Descriptor {
  readonly mediaType: string;
  readonly digest: Digest;
  readonly size: number;
  readonly artifactType?: string;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly platform?: Platform;
  readonly urls?: readonly string[];
  /** The content itself, base64. To be believed only after size and digest were checked. */
  readonly data?: string;
}

/**
 * Reads one descriptor out of parsed JSON.
 * @returns undefined when it is not a descriptor with a digest, size and media type we can trust in a URL.
 */
export function readDescriptor(value: unknown): Descriptor | undefined {
  if (!isRecord(value)) return undefined;
  const { mediaType, digest, size } = value;
  if (typeof mediaType !== 'string' || typeof digest !== 'string' || !isDigest(digest) || !isSize(size))
    return undefined;
  return { mediaType, digest, size, ...optionalFields(value) };
}

function optionalFields(value: Record<string, unknown>): Partial<Descriptor> {
  const { artifactType, annotations, platform, urls, data } = value;
  return {
    ...(typeof artifactType === 'string' && { artifactType }),
    ...(isTextRecord(annotations) && { annotations }),
    ...(isPlatform(platform) && { platform }),
    ...(isTextList(urls) && { urls }),
    ...(typeof data === 'string' && { data }),
  };
}

export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isSize(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;
}

export function isTextRecord(value: unknown): value is Record<string, string> {
  return isRecord(value) && Object.values(value).every((entry) => typeof entry === 'string');
}

function isTextList(value: unknown): value is string[] {
  return Array.isArray(value) && value.every((entry) => typeof entry === 'string');
}

function isPlatform(value: unknown): value is Platform {
  if (!isRecord(value)) return false;
  const { os, architecture, variant } = value;
  return (
    typeof os === 'string' &&
    typeof architecture === 'string' &&
    (variant === undefined || typeof variant === 'string')
  );
}
