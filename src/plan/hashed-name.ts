import { digestOf, hexOf } from '../image/digest.ts';
import { type Reference, repositoryOf } from '../image/reference.ts';

type Repository = Pick<Reference, 'host' | 'path'>;

const CUT = /-[0-9a-f]{64}$/;
const SHORT = 10;

/** sha256("host/path") in hex: what tells two sources apart whose names look alike. */
function hashOf(source: Repository): string {
  return hexOf(digestOf(Buffer.from(repositoryOf(source))));
}

/** Its first ten digits, for names that still show where the source differs from others. */
export function shortHashOf(source: Repository): string {
  return hashOf(source).slice(0, SHORT);
}

/**
 * Cuts a name to the room there is; it ends in the whole hash. Ten digits would not do here: once a name does not
 * show all of its source, an attacker can try as many sources as he likes for the same hash.
 */
export function cutName(name: string, source: Repository, room: number): string {
  const end = `-${hashOf(source)}`;
  // What is left must end in a letter or digit to be a name.
  const head = name.slice(0, room - end.length).replace(/[^a-z0-9]+$/, '');
  return head + end;
}

/**
 * Could this be the end of a cut name? A plain name that looks like one is cut too: else somebody could call his
 * image what the copy of another is called.
 */
export function looksCut(name: string): boolean {
  return CUT.test(name);
}
