import { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { describe, expect, onTestFinished, test } from 'vitest';
import { FakeTerminal } from '../../test/fakes/terminal.ts';
import type { Source } from '../copy/target.ts';
import type { Descriptor } from '../image/descriptor.ts';
import { digestOf } from '../image/digest.ts';
import { type Progress, progressOn } from './copy-progress.ts';

function barsOn(terminal: FakeTerminal): Progress {
  const progress = progressOn(terminal);
  onTestFinished(() => progress.end());
  return progress;
}

function blob(seed: string, size: number): Descriptor {
  return { mediaType: 'application/octet-stream', digest: digestOf(Buffer.from(seed)), size };
}

/** A source whose blobs are these streams. */
function sourceOf(open: () => Readable): Source {
  return {
    resolve: () => Promise.reject(new Error('not asked for')),
    fetchReference: () => Promise.reject(new Error('not asked for')),
    fetch: async () => open(),
    predecessors: async () => [],
  };
}

const never = new AbortController().signal;

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
    const half = new Readable({ read: () => undefined });
    half.push(Buffer.alloc(2048));
    const stream = await progress.watch(sourceOf(() => half)).fetch(layer, never);
    stream.on('data', () => undefined);
    await expect
      .poll(() => terminal.lines)
      .toEqual([
        `${layer.digest.slice(7, 19)} [############------------] 2.0 KiB of 4.0 KiB`,
        'total        [######------------------] 2.0 KiB of 8.0 KiB',
      ]);
    half.push(Buffer.alloc(2048));
    half.push(null);
    progress.onBlob({ descriptor: layer, pushed: 'pushed', durationMs: 1 });
    await expect
      .poll(() => terminal.lines)
      .toEqual(['total        [############------------] 4.0 KiB of 8.0 KiB']);
    progress.end();
    expect(terminal.lines).toEqual([]);
  });

  test('fits every line into the window, and no more lines than it should', async () => {
    const terminal = new FakeTerminal(20);
    const progress = barsOn(terminal);
    progress.onStart({ bytes: 100, blobs: 30 });
    const source = progress.watch(sourceOf(() => new Readable({ read: () => undefined })));
    for (let seed = 0; seed < 30; seed += 1) await source.fetch(blob(String(seed), 10), never);
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

  test('hands on what it counts, byte for byte, and the error of a source that breaks', async () => {
    const progress = barsOn(new FakeTerminal());
    const whole = await progress
      .watch(sourceOf(() => Readable.from(['ab', 'cd'])))
      .fetch(blob('x', 4), never);
    expect(await text(whole)).toBe('abcd');
    const fault = new Error('cut off');
    const source = sourceOf(
      () =>
        new Readable({
          read() {
            this.destroy(fault);
          },
        }),
    );
    const broken = await progress.watch(source).fetch(blob('x', 4), never);
    await expect(text(broken)).rejects.toBe(fault);
  });
});
