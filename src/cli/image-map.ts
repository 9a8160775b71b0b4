import { readFile } from 'node:fs/promises';
import { ConfigError } from '../config/config-error.ts';
import type { Settings } from '../config/configuration.ts';
import type { ImageMap, ReadMap } from '../plan/image-map.ts';
import { readMapRules } from '../plan/map-rules.ts';
import { readSwapFile } from '../plan/swap-lines.ts';

type RegistrySettings = Pick<Settings['registry'], 'naming' | 'map' | 'mapFile'>;

/**
 * The map of `registry.naming: map`, from the configuration or from a file of ImageSwap's.
 * @returns undefined with another naming
 * @throws ConfigError
 */
export async function readImageMap({
  naming,
  map,
  mapFile,
}: RegistrySettings): Promise<ImageMap | undefined> {
  if (naming !== 'map') {
    const [key] = [...(map === undefined ? [] : ['map']), ...(mapFile === undefined ? [] : ['mapFile'])];
    if (key === undefined) return undefined;
    throw fault(`registry.${key}`, `belongs to registry.naming map, not to ${naming ?? 'the default'}`);
  }
  if ((map === undefined) === (mapFile === undefined))
    throw fault('registry.naming', 'got map, wanted either registry.map or registry.mapFile beside it');
  if (mapFile === undefined) return usable(readMapRules(map ?? []), '');
  return usable(readSwapFile(await textOf(mapFile)), `${mapFile}: `);
}

function usable(read: ReadMap, where: string): ImageMap {
  if (read.ok) return read.map;
  throw new ConfigError(read.faults.map(({ at, what }) => ({ at: where + at, what })));
}

async function textOf(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new ConfigError([{ at: 'registry.mapFile', what: `cannot be read: ${why}` }], { cause });
  }
}

function fault(at: string, what: string): ConfigError {
  return new ConfigError([{ at, what }]);
}
