import type { Reference } from '../image/reference.ts';
import { cutName, looksCut } from './hashed-name.ts';
import { hostComponent } from './host-component.ts';

/** `docker.io/library/alpine`: the name of a copy tells where it came from. `room` is its longest length. */
export function keepHostName(source: Reference, room: number): string {
  const name = `${hostComponent(source.host)}/${source.path}`;
  return name.length > room || looksCut(name) ? cutName(name, source, room) : name;
}
