import { createCipheriv, createHash } from 'node:crypto';

const PIECE = 256 * 1024;
const ZEROS = Buffer.alloc(PIECE);

/**
 * Bytes that look random and are the same for the same seed. AES in counter mode, since that is the fastest source of
 * bytes that do not compress: a gigabyte takes about a second and is never in memory at once.
 */
export function* randomBytes(seed: number, size: number): Generator<Buffer> {
  const key = createHash('sha256').update(`image ${seed}`).digest().subarray(0, 16);
  const cipher = createCipheriv('aes-128-ctr', key, Buffer.alloc(16));
  for (let left = size; left > 0; left -= PIECE) {
    yield cipher.update(left < PIECE ? ZEROS.subarray(0, left) : ZEROS);
  }
}
