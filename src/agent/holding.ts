import type { Held, HeldImage } from '../copy/origin.ts';
import { isRecord } from '../image/descriptor.ts';
import { type Digest, isDigest } from '../image/digest.ts';
import { formatReference, readReference } from '../image/reference.ts';

/** What a node holds of an image, as an agent tells it. */
export type Holding = Pick<Held, 'faithful' | 'digest' | 'partial'>;

export function holdingOf({ faithful, digest, partial }: Held): Holding {
  return { faithful, ...(digest !== undefined && { digest }), ...(partial !== undefined && { partial }) };
}

/** @returns undefined for what no agent tells */
export function readHolding(value: unknown): Holding | undefined {
  if (!isRecord(value) || typeof value['faithful'] !== 'boolean') return undefined;
  const { faithful, digest, partial } = value;
  const part = readPart(partial);
  if (digest !== undefined && !isDigestText(digest)) return undefined;
  if (partial !== undefined && part === undefined) return undefined;
  return { faithful, ...(digest !== undefined && { digest }), ...(part !== undefined && { partial: part }) };
}

function readPart(value: unknown): Holding['partial'] {
  if (!isRecord(value)) return undefined;
  const { index, platform } = value;
  if (!isDigestText(index)) return undefined;
  return typeof platform === 'string' ? { index, platform } : { index };
}

/** The images of a node, as an agent sends them. */
export function writeImages(images: readonly HeldImage[]): object[] {
  return images.map(({ reference, digest, whole, why }) => ({
    reference: formatReference(reference),
    digest,
    whole,
    why,
  }));
}

/** Entries that no agent sends are passed over. */
export function readImages(value: unknown): readonly HeldImage[] {
  return Array.isArray(value) ? value.flatMap((entry: unknown) => readImage(entry) ?? []) : [];
}

function readImage(value: unknown): HeldImage | undefined {
  if (!isRecord(value)) return undefined;
  const { reference: text, digest, whole, why } = value;
  const reference = typeof text === 'string' ? readReference(text) : undefined;
  if (reference === undefined || typeof whole !== 'boolean') return undefined;
  return {
    reference,
    whole,
    ...(isDigestText(digest) && { digest }),
    ...(typeof why === 'string' && { why }),
  };
}

function isDigestText(value: unknown): value is Digest {
  return typeof value === 'string' && isDigest(value);
}
