import { describe, expect, onTestFinished, test } from 'vitest';
import { FakeTerminal } from '../../test/fakes/terminal.ts';
import type { CopyEvent } from '../copy/event.ts';
import type { CopyTask } from '../copy/outcome.ts';
import { digestOf } from '../image/digest.ts';
import { formatReference, parseReference } from '../image/reference.ts';
import type { RescueRow } from './rescue.ts';
import { type RescueProgress, rescueProgressOn, silentOn } from './rescue-progress.ts';

const digest = digestOf(Buffer.from('layer'));
const LAYER = digest.slice(7, 19);

function taskFor(name: string): CopyTask {
  return { source: parseReference(name), backup: parseReference(`r.example.com/${name}`) };
}

function rowFor({ source, backup }: CopyTask, row: Partial<RescueRow> = {}): RescueRow {
  const names = { image: formatReference(source), backup: formatReference(backup) };
  return { ...names, heldBy: ['docker'], source: 'not_found', state: 'saved', ...row };
}

const [a, b] = [taskFor('a:1'), taskFor('b:1')];

/** A daemon that pushes: half of a layer. */
function push(progress: RescueProgress, task: CopyTask, layer = '2c5ba97cb2d3'): void {
  progress.observe({
    type: 'origin-progress',
    task,
    origin: 'docker',
    layer,
    status: 'Pushing',
    bytes: 4096,
  });
  progress.watch?.({ task, origin: 'docker', layer, bytes: 2048, totalBytes: 4096 });
}

function bars(size = { columns: 100 }): {
  readonly terminal: FakeTerminal;
  readonly progress: RescueProgress;
} {
  const terminal = new FakeTerminal(size);
  const progress = rescueProgressOn(terminal);
  onTestFinished(() => progress.end());
  return { terminal, progress };
}

describe('progress on a terminal', () => {
  test('shows the images under way with their layers, and how many are done', async () => {
    const { terminal, progress } = bars();
    progress.onFound(3);
    progress.observe({ type: 'started', task: a, digest, bytes: 8192, blobs: 2 });
    progress.watch?.({ task: a, layer: digest, bytes: 1024, totalBytes: 4096 });
    push(progress, b);
    await expect
      .poll(() => terminal.lines)
      .toEqual([
        'docker.io/library/a:1',
        `${LAYER} [######------------------] 1.0 KiB of 4.0 KiB`,
        'total        [###---------------------] 1.0 KiB of 8.0 KiB',
        'docker.io/library/b:1',
        '2c5ba97cb2d3 [############------------] 2.0 KiB of 4.0 KiB',
        'total        [############------------] 2.0 KiB of 4.0 KiB',
        'images       [------------------------] 0 of 3',
      ]);
    progress.observe({ type: 'blob-done', task: a, digest, bytes: 4096, pushed: 'pushed', durationMs: 1 });
    progress.onRow(rowFor(b));
    await expect
      .poll(() => terminal.lines)
      .toEqual([
        'docker.io/library/a:1',
        'total        [############------------] 4.0 KiB of 8.0 KiB',
        'images       [########----------------] 1 of 3',
      ]);
    progress.end();
    expect(terminal.lines).toEqual([]);
  });

  test('draws nothing before it is known how many there are', async () => {
    const { terminal, progress } = bars();
    const known = bars();
    push(progress, a);
    known.progress.onFound(1);
    await expect.poll(() => known.terminal.lines).toHaveLength(1);
    expect(terminal.lines).toEqual([]);
  });

  test.each<[string, CopyEvent]>([
    ['once an image is pulled', { type: 'origin-pulled', task: a, origin: 'docker', durationMs: 1 }],
    ['with another node', { type: 'origin-failed', task: a, origin: 'docker', error: new Error('no') }],
  ])('begins anew %s', async (_when, event) => {
    const { terminal, progress } = bars();
    progress.onFound(1);
    push(progress, a);
    await expect.poll(() => terminal.lines).toHaveLength(4);
    progress.observe(event);
    await expect.poll(() => terminal.lines).toEqual(['images       [------------------------] 0 of 1']);
  });

  test('shares the lines out to the images', async () => {
    const { terminal, progress } = bars({ columns: 100 });
    progress.onFound(4);
    for (const name of ['a', 'b', 'c', 'd'])
      for (let layer = 0; layer < 20; layer += 1) push(progress, taskFor(name), `layer${layer}`);
    await expect.poll(() => terminal.lines).toHaveLength(4 * (1 + 3 + 1) + 1);
  });

  test('prints complaints above', async () => {
    const { terminal, progress } = bars();
    progress.onFound(1);
    await expect.poll(() => terminal.lines).toHaveLength(1);
    progress.write('WARN: no\n');
    expect(terminal.lines).toEqual(['WARN: no', 'images       [------------------------] 0 of 1']);
  });
});

describe('progress elsewhere', () => {
  test('is a line for each step, with nothing in it that moves a cursor', () => {
    const written: string[] = [];
    const progress = rescueProgressOn({ write: (text) => written.push(text) });
    progress.onFound(2);
    progress.observe({ type: 'started', task: a, digest, bytes: 8192, blobs: 2 });
    progress.observe({ type: 'blob-done', task: a, digest, bytes: 4096, pushed: 'pushed', durationMs: 100 });
    push(progress, b);
    progress.observe({
      type: 'origin-progress',
      task: b,
      origin: 'docker',
      layer: 'x',
      status: 'Push\u001b[2Jed',
    });
    progress.observe({ type: 'origin-used', task: b, origin: 'docker' });
    progress.onRow(rowFor(a));
    progress.onRow(rowFor(b, { state: 'failed', why: 'no space' }));
    progress.write('WARN: no\n');
    progress.end();
    expect(written).toEqual([
      'docker.io/library/a:1: copying 2 blobs, 8.0 KiB\n',
      `docker.io/library/a:1: pushed   ${digest} 4.0 KiB in 0.1 s\n`,
      'docker.io/library/b:1: Pushing 2c5ba97cb2d3 4.0 KiB\n',
      'docker.io/library/b:1: Push?[2Jed x\n',
      'docker.io/library/a:1: saved\n',
      'docker.io/library/b:1: failed, no space\n',
      'WARN: no\n',
    ]);
    expect(progress.watch).toBeUndefined();
  });

  test('with --json is complaints alone', () => {
    const written: string[] = [];
    const progress = silentOn({ write: (text) => written.push(text) });
    progress.onFound(1);
    push(progress, a);
    progress.onRow(rowFor(a));
    progress.write('WARN: no\n');
    progress.end();
    expect(written).toEqual(['WARN: no\n']);
  });
});
