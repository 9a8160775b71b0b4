import type { Reference } from '../image/reference.ts';
import { cutName, looksCut } from './hashed-name.ts';
import { FLAT_OWNERS } from './owner.ts';

/**
 * The last component of a path: what image-cloner was called that did not look where an image came from. Sources do
 * share such a name; which of them a copy is of is known in the backup registry. `room` is the longest length.
 */
export function baseName(source: Reference, room: number): string {
  const name = source.path.slice(source.path.lastIndexOf('/') + 1);
  const isFree = name.length <= room && !looksCut(name) && !name.startsWith(FLAT_OWNERS);
  return isFree ? name : cutName(name, source, room);
}
