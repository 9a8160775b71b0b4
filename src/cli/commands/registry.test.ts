import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { type RunningProgram, start } from '../../../test/fakes/running-program.ts';
import { tempFolder } from '../../../test/fakes/temp-folder.ts';
import { makeImage } from '../../../test/images/image.ts';
import { pushImage, repositoryAt } from '../../../test/images/push.ts';

async function serve(dir: string, ...args: string[]): Promise<{ program: RunningProgram; url: string }> {
  const program = start(['registry', '--dir', dir, '--listen', '127.0.0.1:0', ...args]);
  onTestFinished(async () => {
    program.signal('SIGTERM');
    await program.ended;
  });
  return { program, url: String((await program.logged('Registry listening'))['address']) };
}

describe('image-cloner registry', () => {
  test('keeps what is pushed in its folder, over a restart', async () => {
    const dir = join(await tempFolder(), 'new');
    const first = await serve(dir);
    await pushImage(repositoryAt(first.url, 'library/alpine'), await makeImage(), '3.12');
    first.program.signal('SIGINT');
    expect(await first.program.ended).toBe(0);
    const { url } = await serve(dir);
    const response = await fetch(`${url}/v2/library/alpine/tags/list`);
    expect(await response.json()).toEqual({ name: 'library/alpine', tags: ['3.12'] });
  });

  test('writes a line for each request', async () => {
    const { program, url } = await serve(await tempFolder());
    await fetch(`${url}/v2/`);
    expect(await program.logged('Request answered')).toMatchObject({
      level: 'info',
      method: 'GET',
      path: '/v2/',
      status: 200,
      durationMs: expect.any(Number),
    });
  });

  test('--read-only refuses what would change something', async () => {
    const { url } = await serve(await tempFolder(), '--read-only');
    expect((await fetch(`${url}/v2/a/blobs/uploads/`, { method: 'POST' })).status).toBeGreaterThanOrEqual(
      400,
    );
    expect((await fetch(`${url}/v2/`)).status).toBe(200);
  });

  test('on an address of another machine fails with 1', async () => {
    const program = start(['registry', '--dir', await tempFolder(), '--listen', '192.0.2.1:0']);
    expect(await program.ended).toBe(1);
    expect(program.err).toContain('EADDRNOTAVAIL');
  });

  test('a second signal ends it at once', async () => {
    const { program } = await serve(await tempFolder());
    program.signal('SIGINT');
    program.signal('SIGINT');
    expect(program.left).toEqual([130]);
  });
});
