import { DOCKER_HUB, isOfficial, type Reference } from '../image/reference.ts';
import { cutName, looksCut, shortHashOf } from './hashed-name.ts';
import { hostComponent } from './host-component.ts';
import { FLAT_OWNERS } from './owner.ts';

/** An official image that is called like the slug and hash of another source has to give way. */
const SLUG_AND_HASH = /-[0-9a-f]{10}$/;

/**
 * One component, for registries with two levels: official images keep their name, all else is a slug with the hash of
 * what the slug cannot show. `room` is the longest length.
 */
export function flatName(source: Reference, room: number): string {
  const official = officialName(source);
  if (official !== undefined && isFree(official, room)) return official;
  const name = `${slugOf(source)}-${shortHashOf(source)}`;
  return name.length > room ? cutName(slugOf(source), source, room) : name;
}

function isFree(official: string, room: number): boolean {
  return (
    official.length <= room &&
    !looksCut(official) &&
    !SLUG_AND_HASH.test(official) &&
    !official.startsWith(FLAT_OWNERS)
  );
}

function officialName(source: Reference): string | undefined {
  const name = source.path.slice(source.path.indexOf('/') + 1);
  return isOfficial(source) && !name.includes('/') ? name : undefined;
}

/**
 * Each character that is no letter or digit becomes one '-'. Runs are kept: were they joined, there would be no end of
 * sources with the same slug, and ten hex digits can be found by trying.
 */
function slugOf({ host, path }: Reference): string {
  const name = host === DOCKER_HUB ? path : `${hostComponent(host)}/${path}`;
  return name.replaceAll(/[^a-z0-9]/g, '-');
}
