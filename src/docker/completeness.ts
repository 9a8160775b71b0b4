import type { Digest } from '../image/digest.ts';
import { formatPlatform, type Platform, platformMatches } from '../image/platform.ts';
import type { HeldManifest, ImageJson } from './image-json.ts';

/** What of an image can be handed on: all of it, or one platform of an index that is not all there. */
export interface Portion {
  readonly digest: Digest;
  readonly partial?: { readonly index: Digest; readonly platform?: string };
}

/**
 * The largest portion of an image that is whole. Of several platforms it is the one that the daemon itself would run.
 * @param manifests of the image; none are named where the image is a single one and not an index
 * @returns undefined when nothing of it is
 */
export function wholePortion(
  { id, platform }: ImageJson,
  manifests: readonly HeldManifest[],
): Portion | undefined {
  if (manifests.length > 0 && manifests.every(({ available }) => available)) return { digest: id };
  const images = manifests.filter(({ available, kind }) => available && kind === 'image');
  const chosen = images.find((one) => isFor(one, platform)) ?? images[0];
  if (chosen === undefined) return undefined;
  const name = chosen.platform === undefined ? {} : { platform: formatPlatform(chosen.platform) };
  return { digest: chosen.digest, partial: { index: id, ...name } };
}

function isFor({ platform }: HeldManifest, wanted: Platform | undefined): boolean {
  return platform !== undefined && wanted !== undefined && platformMatches(wanted, platform);
}
