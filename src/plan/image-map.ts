/** Where an operator wants images, image by image. */
export interface ImageMap {
  /** What it was read from: another text is another map. */
  readonly text: string;
  /** The image that takes the place of `image`, as it is written. @returns undefined where the image is to stay */
  readonly targetOf: (image: string) => string | undefined;
  /** Is it where the map leads? Such an image is not led on: the webhook may be asked twice. */
  readonly isTarget: (image: string) => boolean;
}

/** Something wrong with a map: where (a line, a key), and what. */
export interface MapFault {
  readonly at: string;
  readonly what: string;
}

export type ReadMap =
  | { readonly ok: true; readonly map: ImageMap }
  | { readonly ok: false; readonly faults: readonly MapFault[] };
