import { describe, expect, onTestFinished, test } from 'vitest';
import { FakeTerminal } from '../../test/fakes/terminal.ts';
import type { Descriptor } from '../image/descriptor.ts';
import { digestOf } from '../image/digest.ts';
import { blobLine, type Progress, progressOn, silent, startLine } from './copy-progress.ts';

function barsOn(terminal: FakeTerminal): Progress {
  const progress = progressOn(terminal);
  onTestFinished(() => progress.end());
  return progress;
}

function blob(seed: string, size: number): Descriptor {
  return { mediaType: 'application/octet-stream', digest: digestOf(Buffer.from(seed)), size };
}

describe('progress on a terminal', () => {
  test('draws nothing before there is something to copy', async () => {
    const [before, terminal] = [new FakeTerminal(), new FakeTerminal()];
    barsOn(terminal);
    barsOn(before).onStart({ bytes: 1, blobs: 1 });
    await expect.poll(() => before.lines).toHaveLength(1);
    expect(terminal.lines).toEqual([]);
  });

  test('draws a bar for each blob under way and one for all', async () => {
    const terminal = new FakeTerminal();
    const progress = barsOn(terminal);
    const layer = blob('layer', 4096);
    progress.onStart({ bytes: 8192, blobs: 2 });
    progress.onBytes?.(layer, 2048);
    await expect
      .poll(() => terminal.lines)
      .toEqual([
        `${layer.digest.slice(7, 19)} [############------------] 2.0 KiB of 4.0 KiB`,
        'total        [######------------------] 2.0 KiB of 8.0 KiB',
      ]);
    progress.onBlob({ descriptor: layer, pushed: 'pushed', durationMs: 1 });
    await expect
      .poll(() => terminal.lines)
      .toEqual(['total        [############------------] 4.0 KiB of 8.0 KiB']);
    progress.end();
    expect(terminal.lines).toEqual([]);
  });

  test('fits every line into the window, and no more lines than it should', async () => {
    const terminal = new FakeTerminal({ columns: 20 });
    const progress = barsOn(terminal);
    progress.onStart({ bytes: 100, blobs: 30 });
    for (let seed = 0; seed < 30; seed += 1) progress.onBytes?.(blob(String(seed), 10), 5);
    await expect.poll(() => terminal.lines.length).toBeGreaterThan(1);
    expect(terminal.lines.map((line) => line.length)).toEqual(Array.from({ length: 13 }, () => 19));
    expect(terminal.most).toBe(13);
  });

  test('counts what follows, such as referrers, on top', async () => {
    const terminal = new FakeTerminal();
    const progress = barsOn(terminal);
    progress.onStart({ bytes: 1024, blobs: 1 });
    progress.onStart({ bytes: 1024, blobs: 1 });
    progress.onBlob({ descriptor: blob('a', 1024), pushed: 'present', durationMs: 1 });
    await expect.poll(() => terminal.lines.join()).toContain('1.0 KiB of 2.0 KiB');
  });
});

describe('progress elsewhere', () => {
  test('is a line for each step, and counts no bytes', () => {
    const written: string[] = [];
    const progress = progressOn({ write: (text) => written.push(text) });
    const { digest } = blob('a', 2048);
    progress.onStart({ bytes: 4096, blobs: 2 });
    progress.onBlob({ descriptor: blob('a', 2048), pushed: 'mounted', durationMs: 1234 });
    progress.end();
    expect(written).toEqual(['copying 2 blobs, 4.0 KiB\n', `mounted  ${digest} 2.0 KiB in 1.2 s\n`]);
    expect([progress.onBytes, silent.onBytes]).toEqual([undefined, undefined]);
  });

  test('says the same of a step to whoever tells of it', () => {
    expect(startLine({ bytes: 1024, blobs: 1 })).toBe('copying 1 blobs, 1.0 KiB');
    expect(blobLine({ digest: 'sha256:x', bytes: 1024, pushed: 'pushed', durationMs: 100 })).toBe(
      'pushed   sha256:x 1.0 KiB in 0.1 s',
    );
  });
});
