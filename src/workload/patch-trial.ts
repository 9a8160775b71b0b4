import jsonPatch, { type Operation } from 'fast-json-patch';
import { parseReference } from '../image/reference.ts';
import { findImages, type ImageUse } from './images.ts';
import { BUILT_IN_KINDS, type Kinds } from './kinds.ts';
import type { PatchOperation, Replacement } from './patch-operation.ts';

/** A patch that must not be sent, and why. */
export class UnsafePatchError extends Error {
  override readonly name = 'UnsafePatchError';
  readonly code = 'UNSAFE_PATCH';

  constructor(why: string, options?: ErrorOptions) {
    super(`Cannot patch the object: ${why}`, options);
  }
}

/** An error names places, never values: it reaches the log, where the object must not. */
const MOST_PATHS_SHOWN = 5;

type KubernetesObject = Readonly<Record<string, unknown>>;

/**
 * Applies a patch to a clone and checks that it does what was wanted and nothing else.
 * @returns undefined when it is safe to send
 */
export function tryPatch(
  object: KubernetesObject,
  replacements: readonly Replacement[],
  operations: readonly PatchOperation[],
  kinds: Kinds = BUILT_IN_KINDS,
): UnsafePatchError | undefined {
  try {
    const uses = findImages(object, kinds);
    checkReplacements(uses, replacements);
    const result = applyToClone(object, operations);
    checkDifference(object, result, operations);
    checkImages(uses, findImages(result, kinds), replacements);
    return undefined;
  } catch (cause) {
    return cause instanceof UnsafePatchError ? cause : new UnsafePatchError('its trial failed', { cause });
  }
}

/** Only places that were found to be images are ever written, each once, and only readable references. */
function checkReplacements(uses: readonly ImageUse[], replacements: readonly Replacement[]): void {
  const places = new Map(uses.map((use) => [use.pointer, use.image]));
  for (const { use, image } of replacements) {
    if (places.get(use.pointer) !== use.image) {
      throw new UnsafePatchError(`wanted another image at ${JSON.stringify(use.pointer)}`);
    }
    places.delete(use.pointer);
    parseReference(image);
  }
}

function applyToClone(object: KubernetesObject, operations: readonly PatchOperation[]): KubernetesObject {
  const validate = true;
  const mutate = false;
  return jsonPatch.applyPatch(object, operations, validate, mutate).newDocument;
}

/** To the comparison an `add` over a value that is there is a `replace`: only place and value are compared. */
function checkDifference(
  object: KubernetesObject,
  result: KubernetesObject,
  operations: readonly PatchOperation[],
): void {
  const wanted = new Map(operations.map(({ path, value }) => [path, JSON.stringify(value)]));
  const found = jsonPatch.compare(object, result);
  const others = found.filter((change) => wanted.get(change.path) !== valueOf(change));
  if (others.length > 0 || found.length !== operations.length) {
    const paths = others.map(({ path }) => path).slice(0, MOST_PATHS_SHOWN);
    throw new UnsafePatchError(
      `wanted ${operations.length} changes, got ${found.length}, others at ${JSON.stringify(paths)}`,
    );
  }
}

function valueOf(change: Operation): string | undefined {
  return 'value' in change ? JSON.stringify(change.value) : undefined;
}

/** Read as Kubernetes would: the same containers as before, with the images that were wanted. */
function checkImages(
  uses: readonly ImageUse[],
  result: readonly ImageUse[],
  replacements: readonly Replacement[],
): void {
  const images = new Map(replacements.map(({ use, image }) => [use.pointer, image]));
  const wanted = uses.map((use) => ({ ...use, image: images.get(use.pointer) ?? use.image }));
  if (JSON.stringify(result) !== JSON.stringify(wanted)) {
    throw new UnsafePatchError('the result has other containers or images than wanted');
  }
}
