import { DOCKER_HUB } from '../image/reference.ts';
import type { ImageMap } from './image-map.ts';
import type { SwapLines } from './swap-lines.ts';

const DEFAULT = 'default';
const LIBRARY = '/library';
/** A target that ends in it is put before the whole name, registry and all. */
const CONCATENATED = '-';

/**
 * What an ImageSwap map file means, as its documentation says: exact images first, then patterns, then the registry; for
 * a registry without a line the words that keep images from being swapped, and the default. It is the text of the image
 * that counts: `nginx` and `docker.io/library/nginx` may go to different places.
 */
export function swapMap({ exact, replace, registries, kept }: SwapLines): Omit<ImageMap, 'text'> {
  function targetOf(image: string): string | undefined {
    const target = exact.get(image) ?? replaced(image);
    if (target !== undefined) return target === '' || target === image ? undefined : target;
    return bySwap(partsOf(image));
  }

  function replaced(image: string): string | undefined {
    const found = replace.find(({ pattern }) => pattern.test(image));
    if (found === undefined) return undefined;
    const last = image.slice(image.lastIndexOf('/') + 1);
    return found.target === '' ? '' : `${found.target.replace(/\/$/, '')}/${last}`;
  }

  function bySwap(parts: Parts): string | undefined {
    const key = keysOf(parts).find((one) => registries.has(one));
    if (key === undefined && kept.some((word) => parts.image.includes(word))) return undefined;
    const target = registries.get(key ?? DEFAULT) ?? '';
    return target === '' ? undefined : swapped(parts, target, key);
  }

  const targets = [...registries.values(), ...replace.map(({ target }) => target)]
    .filter((target) => target !== '')
    .map((target) => (target.endsWith(CONCATENATED) ? target : `${target.replace(/\/$/, '')}/`));
  const images = new Set(exact.values());
  return {
    targetOf,
    isTarget: (image) => images.has(image) || targets.some((start) => image.startsWith(start)),
  };
}

/** An image as it is written: `registry.example.com:5000/team/app:1`. */
interface Parts {
  readonly image: string;
  /** Docker Hub's where none is written. */
  readonly host: string;
  readonly port: string;
  /** What follows the registry. */
  readonly rest: string;
  readonly isNamed: boolean;
}

const REGISTRY = /^(?<host>[^/:]*\.[^/:]*|localhost(?=[:/])|[^/:]+(?=:\d+\/))(?<port>:\d+)?\/(?<rest>.+)$/s;

function partsOf(image: string): Parts {
  const { host, port = '', rest } = REGISTRY.exec(image)?.groups ?? {};
  return host === undefined || rest === undefined
    ? { image, host: DOCKER_HUB, port: '', rest: image, isNamed: false }
    : { image, host, port, rest, isNamed: true };
}

/** Lines that a registry may have, the most telling first. */
function keysOf({ host, port, rest, isNamed }: Parts): readonly string[] {
  const isLibrary = !isNamed && !rest.includes('/');
  return [...(isLibrary ? [host + LIBRARY] : []), host + port, host];
}

function swapped({ host, port, rest }: Parts, target: string, key: string | undefined): string {
  if (target.endsWith(CONCATENATED)) return `${target}${host}/${rest}`;
  // A line without the port keeps it, where the target is a registry alone.
  const isPortKept = key === host && !/[:/]/.test(target);
  return `${target.replace(/\/$/, '')}${isPortKept ? port : ''}/${rest}`;
}
