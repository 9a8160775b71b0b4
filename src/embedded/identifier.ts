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
