import { describe, expect, test } from 'vitest';
import type { TransferProgress } from '../copy/origin.ts';
import { OCI_MANIFEST } from '../image/media-type.ts';
import { PushProgress, readProgress } from './push-progress.ts';

const layer = '2c5ba97cb2d3';

function listening(): { readonly progress: PushProgress; readonly told: TransferProgress[] } {
  const told: TransferProgress[] = [];
  return { progress: new PushProgress((one) => told.push(one)), told };
}

describe('how far a push is', () => {
  test('of a daemon is told by status, and taken as what is the latest', () => {
    const { progress, told } = listening();
    expect(progress.take()).toEqual([]);
    progress.hear({ layer, status: 'Preparing' });
    for (const bytes of [1, 5, 9]) progress.hear({ layer, status: 'Pushing', bytes, totalBytes: 9 });
    progress.hear({ layer: 'other', status: 'Waiting' });
    expect(progress.take()).toEqual([
      { layer, status: 'Pushing', bytes: 9, totalBytes: 9 },
      { layer: 'other', status: 'Waiting' },
    ]);
    expect(progress.take()).toEqual([]);
    progress.hear({ layer, status: 'Pushed' });
    expect(progress.take()).toEqual([{ layer, status: 'Pushed', bytes: 9, totalBytes: 9 }]);
    expect(told.map(({ status }) => status)).toEqual(['Preparing', 'Pushing', 'Waiting', 'Pushed']);
  });

  test.each([
    ['pushed', 7],
    ['mounted', 0],
    ['present', 0],
  ] as const)('of our engine is told in its words: %s', (pushed, bytes) => {
    const { progress, told } = listening();
    const { onBytes, onBlob } = progress.hooks;
    const descriptor = {
      mediaType: OCI_MANIFEST,
      digest: `sha256:${layer.padEnd(64, '0')}`,
      size: 7,
    } as const;
    onBytes(descriptor, 3);
    expect(progress.take()).toEqual([{ layer, status: 'pushing', bytes: 3, totalBytes: 7 }]);
    onBlob({ descriptor, pushed, durationMs: 1 });
    expect(progress.take()).toEqual([{ layer, status: pushed, bytes, totalBytes: 7 }]);
    expect(told).toHaveLength(2);
  });
});

describe('what an agent tells of it', () => {
  test.each([
    [{ layer, status: 'Pushed' }],
    [{ layer, status: 'Pushing', bytes: 0, totalBytes: 9_000_000_000 }],
  ])('is read as it was: %j', (progress) => {
    expect(readProgress(JSON.parse(JSON.stringify(progress)))).toEqual(progress);
  });

  test.each([
    [undefined],
    [null],
    ['Pushed'],
    [[layer, 'Pushed']],
    [{ layer }],
    [{ status: 'Pushed' }],
    [{ layer: 7, status: 'Pushed' }],
    [{ layer: '', status: 'Pushed' }],
    [{ layer: 'x'.repeat(201), status: 'Pushed' }],
    [{ layer, status: 'x'.repeat(201) }],
  ])('is passed over where no agent says it: %j', (value) => {
    expect(readProgress(value)).toBeUndefined();
  });

  test.each([['9'], [-1], [1.5], [1e300], [null]])('has no bytes that are none: %j', (bytes) => {
    expect(readProgress({ layer, status: 'Pushing', bytes, totalBytes: bytes })).toEqual({
      layer,
      status: 'Pushing',
    });
  });
});
