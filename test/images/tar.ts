const BLOCK = 512;
/** Two blocks of zeros. */
export const END_OF_TAR = Buffer.alloc(2 * BLOCK);

/** A tar archive (POSIX ustar) with one file in it. @param name at most 100 bytes */
export function* tarOf(name: string, size: number, content: Iterable<Buffer>): Generator<Buffer> {
  yield* tarEntry(name, size, content);
  yield END_OF_TAR;
}

/** One file of an archive, which `END_OF_TAR` ends. @param name at most 100 bytes */
export function* tarEntry(name: string, size: number, content: Iterable<Buffer>): Generator<Buffer> {
  yield headerOf(name, size);
  yield* content;
  yield Buffer.alloc((BLOCK - (size % BLOCK)) % BLOCK);
}

/** Field offsets of POSIX.1-1988, "ustar Interchange Format". Times and owners are 0, so that digests stay the same. */
function headerOf(name: string, size: number): Buffer {
  const header = Buffer.alloc(BLOCK);
  header.write(name, 0, 100);
  header.write(octal(0o644, 8), 100);
  header.write(octal(0, 8), 108);
  header.write(octal(0, 8), 116);
  header.write(octal(size, 12), 124);
  header.write(octal(0, 12), 136);
  header.write('0', 156);
  header.write('ustar\x0000', 257);
  header.write(octal(checksumOf(header), 7), 148);
  header.write(' ', 155);
  return header;
}

/** Sum of all bytes, the checksum's own field counted as eight spaces. */
function checksumOf(header: Buffer): number {
  return header.reduce((sum, byte) => sum + byte, 8 * 0x20);
}

/** Digits that fill the field but for its closing NUL. */
function octal(value: number, width: number): string {
  return `${value.toString(8).padStart(width - 1, '0')}\0`;
}
