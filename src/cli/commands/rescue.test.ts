import { describe, expect, onTestFinished, test } from 'vitest';
import { startEngine } from '../../../test/fakes/docker-engine.ts';
import { start } from '../../../test/fakes/running-program.ts';
import type { ScriptedRegistry } from '../../../test/fakes/scripted-registry.ts';
import { useStage } from '../../../test/fakes/stage.ts';
import { FakeTerminal } from '../../../test/fakes/terminal.ts';
import { makeImage } from '../../../test/images/image.ts';
import type { Environment } from '../../config/process-environment.ts';

const stage = useStage();
const image = await makeImage();

async function rescue(args: readonly string[], environment: Environment = {}) {
  const program = start(['rescue', ...args], { REGISTRY_AUTH_DIR: '/nowhere', ...environment });
  const code = await program.ended;
  return { code, out: program.out, err: program.err };
}

interface Scene {
  readonly source: ScriptedRegistry;
  readonly backup: ScriptedRegistry;
  readonly socket: string;
  readonly environment: Environment;
}

/** A daemon holds `there` and `gone`; the source has the first alone, the backup neither. */
async function scene(): Promise<Scene> {
  const source = await stage.registry({ images: [{ repository: 'there', tag: '1', image }] });
  const backup = await stage.registry();
  const names = ['there', 'gone'].map((name) => `${source.host}/${name}:1`);
  const engine = await startEngine({ store: 'classic', images: [{ id: `sha256:${'a'.repeat(64)}`, names }] });
  const environment = { REGISTRY: `${backup.host}/backup`, SOURCES_PLAIN_HTTP: source.host };
  return { source, backup, socket: engine.socket, environment };
}

describe('image-cloner rescue', () => {
  test('--all --check looks, and makes nothing', async () => {
    const { source, backup, socket, environment } = await scene();
    const { code, out } = await rescue(['--all', '--check', '--docker-socket', socket], environment);
    expect(out.split('\n').map((line) => line.replaceAll(/ {2,}/g, '|'))).toEqual([
      'IMAGE|HELD BY|SOURCE|BACKUP|WHY',
      `${source.host}/gone:1|docker|not_found|absent`,
      `${source.host}/there:1|docker|there|absent`,
      '',
    ]);
    expect(code).toBe(1);
    expect(backup.requests('PUT')).toEqual([]);
  });

  test('makes the backup of what is at its source, and says what it made', async () => {
    const { source, backup, socket, environment } = await scene();
    const name = `${source.host}/there:1`;
    const { code, out } = await rescue(['--json', '--docker-socket', socket, name], environment);
    expect(code).toBe(0);
    expect(JSON.parse(out)).toMatchObject([
      {
        image: name,
        heldBy: ['docker'],
        source: 'there',
        state: 'saved',
        digest: image.content.descriptor.digest,
      },
    ]);
    expect(backup.requests('PUT', /manifests/)).toHaveLength(1);
    expect((await rescue(['--docker-socket', socket, name], environment)).out).toMatch(/there {2,}there\n$/);
  });

  test('says why an image could not be saved, and fails', async () => {
    const { source, socket, environment } = await scene();
    const { code, out } = await rescue(
      ['--json', '--docker-socket', socket, `${source.host}/never:1`],
      environment,
    );
    expect(code).toBe(1);
    expect(JSON.parse(out)).toMatchObject([
      { heldBy: [], source: 'not_found', state: 'failed', why: expect.stringContaining('source failed') },
    ]);
  });

  test.each([
    ['SIGINT', [], /slow:1 .* failed +interrupted\n$/],
    ['SIGTERM', ['--json'], /slow:1"[^}]*"why": "interrupted"\n {2}\}\n\]\n$/],
  ] as const)(
    '%s in the middle of an upload leaves none open, and tells what was saved %j',
    async (signal, json, told) => {
      const { source, backup, socket, environment } = await scene();
      await source.seed({
        repository: 'slow',
        tag: '1',
        image: await makeImage({ layers: [{ size: 9, seed: 3 }] }),
      });
      backup.play({ method: 'PUT', path: /slow\/blobs/, wait: new Promise(() => {}) });
      const names = ['there', 'slow'].map((name) => `${source.host}/${name}:1`);
      const program = start(['rescue', ...json, '--docker-socket', socket, ...names], {
        REGISTRY_AUTH_DIR: '/nowhere',
        ...environment,
      });
      await Promise.all([backup.seen('PUT', /there\/manifests/), backup.seen('PUT', /slow\/blobs/)]);
      await expect.poll(() => backup.tags(`backup/${source.host.replace(':', '_')}/there`)).toEqual(['1']);
      program.signal(signal);
      expect(await program.ended).toBe(130);
      expect(backup.openUploads()).toBe(0);
      expect(program.err).toMatch(
        /interrupted, (\d) of 2 images have a backup, \1 of them saved now; nothing is/,
      );
      expect(program.out).toMatch(told);
    },
  );

  test('interrupted before it knows of any image says so', async () => {
    const never = new Promise<void>(() => {});
    const engine = await startEngine({ faults: [{ path: /version/, wait: never }] });
    const program = start(['rescue', '--all', '--docker-socket', engine.socket], { REGISTRY: 'r.invalid/b' });
    await engine.seen('GET', /version/);
    program.signal('SIGINT');
    expect(await program.ended).toBe(130);
    expect(program.err).toContain('interrupted, no image was looked at; nothing is left half done');
    expect(program.out).toBe('');
  });

  test('shows on a terminal how far the images are, takes it away again, and prints the table', async () => {
    const { source, backup, socket, environment } = await scene();
    const held = Promise.withResolvers<void>();
    onTestFinished(() => held.resolve());
    backup.play({ method: 'PUT', path: /manifests/, wait: held.promise });
    const args = ['rescue', '--docker-socket', socket, `${source.host}/there:1`];
    const program = start(args, { REGISTRY_AUTH_DIR: '/nowhere', ...environment }, { columns: 200 });
    await expect
      .poll(() => program.err)
      .toMatch(/there:1\ntotal {8}\[#{24}\] (.*) of \1\nimages .* 0 of 1\n/);
    held.resolve();
    expect(await program.ended).toBe(0);
    const terminal = new FakeTerminal();
    terminal.write(program.err);
    expect(terminal.lines).toEqual([]);
    expect(program.out).toMatch(/^IMAGE .*\n.* saved\n$/);
  });

  test('tells each step where there is no terminal, also those of a daemon, and nothing with --json', async () => {
    const { source, backup, socket, environment } = await scene();
    const names = ['there', 'gone'].map((name) => `${source.host}/${name}:1`);
    const { err } = await rescue(['--docker-socket', socket, ...names], environment);
    expect(err).toContain(`${names[0]}: copying 2 blobs, `);
    expect(err).toContain(`${names[0]}: saved\n`);
    expect(err).toContain(`${names[1]}: Pushing 2c5ba97cb2d3 1.0 KiB\n`);
    expect(err).toContain(`${names[1]}: Pushed 2c5ba97cb2d3\n`);
    const quiet = await rescue(['--json', '--docker-socket', socket, `${source.host}/there:1`], {
      ...environment,
      REGISTRY: `${backup.host}/other`,
    });
    expect([quiet.err, JSON.parse(quiet.out)]).toMatchObject(['', [{ state: 'saved' }]]);
  });

  test('says that the daemon cannot be asked', async () => {
    const { environment } = await scene();
    const { code, err } = await rescue(['--all', '--docker-socket', '/nowhere/docker.sock'], environment);
    expect(code).toBe(1);
    expect(err).toContain('/nowhere/docker.sock');
  });

  test.each<[string, readonly string[], string]>([
    ['neither images nor --all', [], 'wanted either --all or image references'],
    ['both', ['--all', 'alpine'], 'wanted either --all or image references'],
    ['what is no reference', ['../etc'], 'Cannot read image reference'],
    ['no place to look', ['alpine'], 'containerd.socket'],
    ['a namespace that is none', ['--containerd-namespace', '../x', 'alpine'], 'CONTAINERD_NAMESPACE'],
  ])('%s ends with exit code 2', async (_what, args, message) => {
    const { code, err } = await rescue(args, { REGISTRY: 'registry.example.com/backup' });
    expect({ code, err }).toEqual({ code: 2, err: expect.stringContaining(message) });
  });
});
