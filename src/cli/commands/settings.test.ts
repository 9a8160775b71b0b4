import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { start } from '../../../test/fakes/running-program.ts';
import { tempFolder } from '../../../test/fakes/temp-folder.ts';

async function settings(config: string) {
  const file = join(await tempFolder(), 'config.yaml');
  await writeFile(file, config);
  const program = start(['settings', '--config', file]);
  const code = await program.ended;
  return { code, out: program.out, err: program.err };
}

describe('image-cloner settings', () => {
  test('prints the configuration, defaults filled in', async () => {
    const { code, out } = await settings('registry: {prefix: r.example.com/x}');
    expect(code).toBe(0);
    expect(out).toContain('prefix: r.example.com/x\n');
    expect(out).toContain('moved: refresh\n');
  });

  test.each([
    ['rules: [{match: {images: [alpine]}, action: skip}]', 'rules.0.match.images.0: got "alpine"'],
    ['registry: {naming: map}', 'registry.naming: got map, wanted either registry.map or registry.mapFile'],
    [
      'registry: {naming: map, map: [{source: "quay.io/**", target: "r.example.com/a:1"}]}',
      'registry.map.0.target: got "r.example.com/a:1"',
    ],
    [
      'registry: {naming: map, map: [{source: "quay.io/**"}]}',
      'registry.map.0.target: got nothing, wanted a registry',
    ],
    ['registry: {naming: map, mapFile: /nowhere.conf}', 'registry.mapFile: cannot be read: ENOENT'],
    ['tags: {moved: sometimes}', 'tags.moved: got "sometimes", wanted refresh, keep or warn'],
  ])('checks what %s means', async (config, fault) => {
    const { code, out, err } = await settings(config);
    expect({ code, out }).toEqual({ code: 2, out: '' });
    expect(err).toContain(fault);
  });
});
