import type { ImageUse } from './images.ts';
import type { Pointer } from './pointer.ts';

/** One image that gets another text. */
export interface Replacement {
  readonly use: ImageUse;
  readonly image: string;
}

/** The operations of RFC 6902 that we send. No `test`: one that fails would reject the user's request. */
export type PatchOperation =
  | { readonly op: 'replace'; readonly path: Pointer; readonly value: string }
  | { readonly op: 'add'; readonly path: Pointer; readonly value: string | Readonly<Record<string, string>> };
