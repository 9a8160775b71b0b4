import { writeFile } from 'node:fs/promises';
import { Agent, request } from 'undici';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { creating } from '../admission-review.ts';
import { tempFolder } from '../fakes/temp-folder.ts';
import { makeImage } from '../images/image.ts';
import { pushImage, repositoryAt } from '../images/push.ts';
import { containers, deployment } from '../workloads.ts';
import { Cloner } from './cloner.ts';
import { canRun } from './harness/need.ts';
import { RegistryServer } from './harness/registry-server.ts';

/** A map is looked at every few seconds. */
const NOTED = { timeout: 120_000, interval: 500 };

describe.runIf(canRun('docker-registry', 'distribution')).each(['docker-registry', 'distribution'] as const)(
  'names that sources share, on %s',
  (part) => {
    let source: RegistryServer;
    let backup: RegistryServer;
    let cloner: Cloner | undefined;

    beforeAll(async () => {
      source = await RegistryServer.start();
      const images = [1, 2].map((seed) => makeImage({ layers: [{ size: 10_000, seed }], runnable: true }));
      const [one, other] = await Promise.all(images);
      if (one === undefined || other === undefined) throw new Error('Cannot test: wanted two images');
      await pushImage(repositoryAt(source.url, 'ours/app'), one, '1');
      await pushImage(repositoryAt(source.url, 'theirs/app'), other, '1');
      await pushImage(repositoryAt(source.url, 'twin/app'), one, '1');
    });

    afterAll(() => source.close());

    afterEach(async () => {
      await cloner?.stop();
      await backup.close();
    });

    async function start(settings: Readonly<Record<string, string>>): Promise<void> {
      await cloner?.stop();
      cloner = await Cloner.start({ SOURCES_PLAIN_HTTP: source.host, COPY_FRESH_SECONDS: '0', ...settings });
    }

    /** What an API server is told to write for `ours/app:1`: the image, or the warning that says why not. */
    async function ask(path: string): Promise<string> {
      const dispatcher = new Agent({ connect: { rejectUnauthorized: false } });
      const body = JSON.stringify(creating(deployment(containers(`${source.host}/${path}`))));
      const headers = { 'content-type': 'application/json' };
      const url = `https://127.0.0.1:${cloner?.port}/clone-image?timeout=30s`;
      const answer = await request(url, { method: 'POST', body, headers, dispatcher });
      const { response } = Object(await answer.body.json());
      await dispatcher.close();
      const patch = JSON.parse(Buffer.from(response.patch ?? 'W10=', 'base64').toString());
      const written = patch.find(({ op }: { op: string }) => op === 'replace');
      return written?.value ?? response.warnings?.join();
    }

    it('the last component is the one of the first source, also after restarts of both programs', async () => {
      backup = await RegistryServer.start({ part });
      const settings = { REGISTRY: `${backup.host}/me`, REGISTRY_NAMING: 'basename' };
      await start(settings);
      expect(await ask('ours/app:1')).toBe(`${backup.host}/me/app:1`);
      expect(await ask('theirs/app:1')).toContain('was not copied and stays as it is: name taken');
      await backup.stop();
      await backup.start();
      await start(settings);
      expect(await ask('theirs/app:1')).toContain('name taken (backup registry)');
      expect(await ask('ours/app:1')).toBe(`${backup.host}/me/app:1`);
      expect(await ask('twin/app:1')).toBe(`${backup.host}/me/app:1`);
      await source.stop();
      expect(await ask('ours/app:1')).toBe(`${backup.host}/me/app:1`);
      await source.start();
    });

    it('a map of ImageSwap leads two sources to one name, and only the first is copied; a new map counts', async () => {
      backup = await RegistryServer.start({ part });
      const mapFile = `${await tempFolder()}/maps.conf`;
      const prefix = `${backup.host}/mirror`;
      await writeFile(mapFile, `default::\n[REPLACE]*/app:*::${prefix}\n`);
      await start({ REGISTRY: prefix, REGISTRY_NAMING: 'map', REGISTRY_MAP_FILE: mapFile });
      expect(await ask('ours/app:1')).toBe(`${prefix}/app:1`);
      expect(await ask('theirs/app:1')).toContain('name taken (backup registry)');
      await writeFile(mapFile, `default::\n${source.host}::${prefix}/${part}\n`);
      await vi.waitFor(async () => {
        expect(await ask('theirs/app:1')).toBe(`${prefix}/${part}/theirs/app:1`);
      }, NOTED);
    });
  },
);
