import type { ByteRange } from '../layout/blob-store.ts';

/**
 * Reads a `Range` header (RFC 9110, 14.1.2).
 * @returns undefined when the whole is to be served: no range, several, or another unit; `none` when no byte is in it
 */
export function rangeFrom(header: string, size: number): ByteRange | 'none' | undefined {
  const match = /^bytes=(\d*)-(\d*)$/.exec(header.trim());
  if (match === null) return undefined;
  const [, first = '', last = ''] = match;
  if (first === '') return last === '' ? undefined : lastBytes(Number(last), size);
  const range = { start: Number(first), end: Math.min(last === '' ? size - 1 : Number(last), size - 1) };
  // An end before its start is no range at all, says the RFC.
  if (last !== '' && Number(last) < range.start) return undefined;
  return range.start < size ? range : 'none';
}

function lastBytes(count: number, size: number): ByteRange | 'none' {
  return count === 0 || size === 0 ? 'none' : { start: Math.max(size - count, 0), end: size - 1 };
}
