import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { tempFolder } from '../../test/fakes/temp-folder.ts';
import { ConfigError } from '../config/config-error.ts';
import { readImageMap } from './image-map.ts';

const MAP = [{ source: 'quay.io/**', target: 'r.example.com/quay' }];

async function faultsOf(settings: Parameters<typeof readImageMap>[0]): Promise<readonly string[]> {
  try {
    await readImageMap(settings);
    return [];
  } catch (error) {
    if (error instanceof ConfigError) return error.faults.map(({ at, what }) => `${at}: ${what}`);
    throw error;
  }
}

async function file(text: string): Promise<string> {
  const path = join(await tempFolder(), 'map.conf');
  await writeFile(path, text);
  return path;
}

describe('the map of the settings', () => {
  test('is in the configuration, or in a file', async () => {
    const own = await readImageMap({ naming: 'map', map: MAP });
    const theirs = await readImageMap({ naming: 'map', mapFile: await file('default::r.example.com') });
    expect([own, theirs].map((map) => map?.targetOf('quay.io/a/b:1'))).toEqual([
      'r.example.com/quay/a/b:1',
      'r.example.com/a/b:1',
    ]);
  });

  test('is not there with another naming', async () => {
    expect(await readImageMap({ naming: 'flat' })).toBeUndefined();
    expect(await readImageMap({})).toBeUndefined();
  });

  test('is told with the line of its file, or its key', async () => {
    const mapFile = await file('default::\nnonsense');
    expect(await faultsOf({ naming: 'map', mapFile })).toEqual([
      expect.stringContaining(`${mapFile}: line 2: got "nonsense", wanted`),
    ]);
    expect(await faultsOf({ naming: 'map', map: [{ source: 'a', target: 'r.example.com' }] })).toEqual([
      expect.stringMatching(/^registry\.map\.0\.source: /),
    ]);
  });

  test.each<[Parameters<typeof readImageMap>[0], string]>([
    [{ naming: 'map' }, 'registry.naming: got map, wanted either registry.map or registry.mapFile beside it'],
    [
      { naming: 'map', map: MAP, mapFile: '/x' },
      'registry.naming: got map, wanted either registry.map or registry.mapFile beside it',
    ],
    [{ naming: 'flat', map: MAP }, 'registry.map: belongs to registry.naming map, not to flat'],
    [{ mapFile: '/x' }, 'registry.mapFile: belongs to registry.naming map, not to the default'],
    [
      { naming: 'map', mapFile: '/nowhere/x' },
      expect.stringContaining('registry.mapFile: cannot be read: ENOENT'),
    ],
  ])('is refused with %j', async (settings, fault) => {
    expect(await faultsOf(settings)).toEqual([fault]);
  });
});
