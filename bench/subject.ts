import { type ImageOptions, type MadeImage, makeImage, makeIndex } from '../test/images/image.ts';

const KIB = 1024;
const MIB = 1024 * KIB;
const PLATFORMS = ['amd64', 'arm64', 's390x'] as const;

/** What is copied: one or more images. Each subject has content of its own. */
export interface Subject {
  readonly title: string;
  readonly make: () => Promise<readonly MadeImage[]>;
}

export const SUBJECTS = {
  small: {
    title: 'one platform, 10 layers of 256 KiB',
    make: async () => [await makeImage({ layers: layersOf(10, 256 * KIB, 1_000) })],
  },
  index: {
    title: 'index of 3 platforms, 10 layers of 256 KiB each',
    make: async () => [
      makeIndex(await Promise.all(PLATFORMS.map((name, index) => platformImage(name, index)))),
    ],
  },
  large: {
    title: 'one platform, 5 layers of 200 MiB',
    make: async () => [await makeImage({ layers: layersOf(5, 200 * MIB, 3_000) })],
  },
  family: {
    title: '20 images, 8 layers of 1 MiB in common and one of 256 KiB of their own',
    make: () => images(20, (index) => [...layersOf(8, MIB, 4_000), ...layersOf(1, 256 * KIB, 4_100 + index)]),
  },
  crowd: {
    title: '32 images, 4 layers of 8 MiB each, nothing in common',
    make: () => images(32, (index) => layersOf(4, 8 * MIB, 5_000 + 10 * index)),
  },
} as const satisfies Record<string, Subject>;

export type SubjectName = keyof typeof SUBJECTS;

/** @param seed of the first layer; the following ones count up from it */
function layersOf(count: number, size: number, seed: number): NonNullable<ImageOptions['layers']> {
  return Array.from({ length: count }, (_, index) => ({ size, seed: seed + index }));
}

function platformImage(architecture: string, index: number): Promise<MadeImage> {
  const layers = layersOf(10, 256 * KIB, 2_000 + 100 * index);
  return makeImage({ layers, platform: { os: 'linux', architecture } });
}

function images(
  count: number,
  layersAt: (index: number) => NonNullable<ImageOptions['layers']>,
): Promise<readonly MadeImage[]> {
  return Promise.all(Array.from({ length: count }, (_, index) => makeImage({ layers: layersAt(index) })));
}
