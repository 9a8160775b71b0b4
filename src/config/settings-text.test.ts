import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { tempFolder } from '../../test/fakes/temp-folder.ts';
import { loadSettings } from './configuration.ts';
import { formatSettings } from './settings-text.ts';

describe('the configuration as text', () => {
  test.each([
    {},
    { REGISTRY: 'registry.example.com/backup', REGISTRY_NAMING: 'flat' },
    { SOURCES_PLAIN_HTTP: 'a.example.com,localhost:5000', COPY_WAIT_SECONDS: '2.5', LISTEN: '[::1]:0' },
  ])('read again gives the same: %j', async (environment) => {
    const settings = await loadSettings({ environment });
    const file = join(await tempFolder(), 'config.yaml');
    await writeFile(file, await formatSettings(settings));
    expect(await loadSettings({ file, environment: {} })).toEqual(settings);
  });
});
