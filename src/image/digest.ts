import { createHash, type Hash } from 'node:crypto';

/**
 * Hex length of each algorithm we accept (OCI image spec, descriptor.md "Digests"; sha384 is registered by
 * opencontainers/go-digest). Anything else is refused: a digest reaches paths and URLs, so its form is strict.
 */
const HEX_LENGTH = { sha256: 64, sha384: 96, sha512: 128 } as const;

type Algorithm = keyof typeof HEX_LENGTH;

/** `<algorithm>:<lower-case hex>`, checked. */
export type Digest = `${Algorithm}:${string}`;

export class InvalidDigestError extends Error {
  override readonly name = 'InvalidDigestError';
  readonly code = 'INVALID_DIGEST';

  constructor(text: string) {
    super(
      `Cannot read digest ${quote(text)}: wanted sha256, sha384 or sha512 with lower-case hex of full length`,
    );
  }
}

/** What a stranger sent is quoted, and cut so that it cannot fill a log. */
function quote(text: string): string {
  const longestShown = 160;
  return JSON.stringify(text.length > longestShown ? `${text.slice(0, longestShown)}…` : text);
}

export function isDigest(text: string): text is Digest {
  const [algorithm, hex] = split(text);
  return isAlgorithm(algorithm) && hex.length === HEX_LENGTH[algorithm] && /^[0-9a-f]+$/.test(hex);
}

/** @throws InvalidDigestError */
export function parseDigest(text: string): Digest {
  if (!isDigest(text)) throw new InvalidDigestError(text);
  return text;
}

/** sha256 unless told otherwise, which is what every registry addresses by. */
export function digestOf(bytes: Uint8Array, algorithm: Algorithm = 'sha256'): Digest {
  return `${algorithm}:${createHash(algorithm).update(bytes).digest('hex')}`;
}

/** A running hash of the same algorithm as `digest`, to check a stream against it. */
export function hasherFor(digest: Digest): Hash {
  return createHash(algorithmOf(digest));
}

export function algorithmOf(digest: Digest): Algorithm {
  const [algorithm] = split(digest);
  if (!isAlgorithm(algorithm)) throw new InvalidDigestError(digest);
  return algorithm;
}

/** Certainly of different content: two of one algorithm that differ. Those of two algorithms may be of the same. */
export function contradicts(one: Digest, other: Digest): boolean {
  return one !== other && algorithmOf(one) === algorithmOf(other);
}

export function hexOf(digest: Digest): string {
  return split(digest)[1];
}

function split(text: string): [string, string] {
  const colon = text.indexOf(':');
  return [text.slice(0, colon), text.slice(colon + 1)];
}

function isAlgorithm(text: string): text is Algorithm {
  return Object.hasOwn(HEX_LENGTH, text);
}
