import { isRecord } from '../image/descriptor.ts';
import { BUILT_IN_KINDS, type Kinds } from './kinds.ts';
import { annotationsOf, type IsCopyOf, ORIGINAL_IMAGES, originalImages } from './original-images.ts';
import type { PatchOperation, Replacement } from './patch-operation.ts';
import { tryPatch, UnsafePatchError } from './patch-trial.ts';
import { pointerTo } from './pointer.ts';

export type PatchResult =
  | { readonly ok: true; readonly operations: readonly PatchOperation[] }
  | { readonly ok: false; readonly fault: UnsafePatchError };

/**
 * Builds the JSON patch that puts copies into an object, and tries it on a clone. The object is not changed.
 * A patch that does not apply rejects the user's request, whatever the webhook's failure policy says: in any doubt the
 * answer is a fault, and no patch is to be sent.
 * @param isCopyOf tells which entries of an annotation that is there already are still true
 */
export function buildPatch(
  object: unknown,
  replacements: readonly Replacement[],
  isCopyOf: IsCopyOf,
  kinds: Kinds = BUILT_IN_KINDS,
): PatchResult {
  const wanted = replacements.filter(({ use, image }) => use.image !== image);
  if (wanted.length === 0) return { ok: true, operations: [] };
  if (!isRecord(object)) return { ok: false, fault: new UnsafePatchError('wanted a JSON object') };
  const uses = wanted.map(({ use }) => use);
  const originals = originalImages(object, uses, isCopyOf, kinds);
  const operations = [...wanted.map(replace), ...annotate(object, originals)];
  const fault = tryPatch(object, wanted, operations, kinds);
  return fault === undefined ? { ok: true, operations } : { ok: false, fault };
}

function replace({ use, image }: Replacement): PatchOperation {
  return { op: 'replace', path: use.pointer, value: image };
}

function annotate(object: Record<string, unknown>, text: string | undefined): readonly PatchOperation[] {
  const annotations = annotationsOf(object);
  if (text === undefined || annotations?.[ORIGINAL_IMAGES] === text) return [];
  // `add` fails inside a map that is missing, so then the map itself is added.
  if (annotations === undefined) {
    return [{ op: 'add', path: pointerTo(['metadata', 'annotations']), value: { [ORIGINAL_IMAGES]: text } }];
  }
  return [{ op: 'add', path: pointerTo(['metadata', 'annotations', ORIGINAL_IMAGES]), value: text }];
}
