import type { Descriptor } from '../image/descriptor.ts';
import type { Digest } from '../image/digest.ts';
import { formatPlatform, type Platform, platformMatches } from '../image/platform.ts';
import type { Stock } from './stock.ts';

/** What can be pushed of an image. */
export interface Choice {
  readonly root: Descriptor;
  /** The root and all that hangs below it, each once. */
  readonly parts: readonly Descriptor[];
  /** Says that the root is only one image of this index. */
  readonly partial?: { readonly index: Digest; readonly platform?: string };
}

/** Gaps that are told one by one. */
const MOST_TOLD = 3;

/**
 * The image itself where all of it is there; of an index otherwise one image that is, the node's own before others.
 * @returns undefined when nothing is whole
 */
export function choose(root: Descriptor, stock: Stock, own: Platform): Choice | undefined {
  if (stock.gaps.length === 0) return { root, parts: distinct(stock.parts) };
  const { images } = stock;
  const image = images.find(({ descriptor }) => isFor(descriptor, own)) ?? images[0];
  if (image === undefined) return undefined;
  const { platform } = image.descriptor;
  const named = platform === undefined ? {} : { platform: formatPlatform(platform) };
  return {
    root: image.descriptor,
    parts: distinct(image.parts),
    partial: { index: root.digest, ...named },
  };
}

/** `sha256:… is not there, sha256:… is not there and 5 more are missing`, for people. */
export function tellGaps({ gaps }: Stock): string {
  const told = gaps.slice(0, MOST_TOLD).map(({ digest, why }) => `${digest} ${why}`);
  const more = gaps.length - told.length;
  return told.join(', ') + (more > 0 ? `, and ${more} more like it` : '');
}

function isFor({ platform }: Descriptor, own: Platform): boolean {
  return platform !== undefined && platformMatches(own, platform);
}

function distinct(parts: readonly Descriptor[]): readonly Descriptor[] {
  return [...new Map(parts.map((part) => [part.digest, part])).values()];
}
