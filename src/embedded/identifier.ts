import { type Digest, isDigest } from '../image/digest.ts';
import { Refusal } from './refusal.ts';

/** OCI distribution spec, "Pulling manifests": `<tag>`. */
const TAG = /^[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}$/;

/** @throws Refusal when it is no digest of an algorithm we know */
export function digestFrom(text: string | null): Digest {
  if (text !== null && isDigest(text)) return text;
  throw new Refusal({
    status: 400,
    code: 'DIGEST_INVALID',
    message: 'wanted a sha256, sha384 or sha512 digest',
  });
}

/** @throws Refusal when it is no tag */
export function checkTag(text: string): void {
  if (TAG.test(text)) return;
  const message = 'wanted a tag of 1 to 128 letters, digits, "_", "." or "-"';
  throw new Refusal({ status: 400, code: 'TAG_INVALID', message });
}

/** @throws Refusal when it is neither tag nor digest */
export function checkIdentifier(text: string): void {
  if (text.includes(':')) digestFrom(text);
  else checkTag(text);
}

/**
 * What is no tag names a manifest that cannot be there, and not a request that makes no sense: the conformance suite of
 * version 1.1 asks for one.
 *
 * @throws Refusal when there can be no manifest of this tag or digest
 */
export function checkReadable(text: string): void {
  if (text.includes(':')) digestFrom(text);
  else if (!TAG.test(text))
    throw new Refusal({ status: 404, code: 'MANIFEST_UNKNOWN', message: 'no manifest can have this tag' });
}
