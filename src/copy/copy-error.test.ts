import { describe, expect, test } from 'vitest';
import { digestOf } from '../image/digest.ts';
import { asError, CopyError, codeOf, step } from './copy-error.ts';

const digest = digestOf(Buffer.from('a'));
const cause = Object.assign(new Error('Cannot push blob: full'), { code: 'UNAVAILABLE' });

describe('a failed copy', () => {
  test('names operation, side and digest, and has the code of its reason', () => {
    expect(new CopyError({ operation: 'copy blob', side: 'target', digest, cause })).toMatchObject({
      message: `target failed to copy blob ${digest}: Cannot push blob: full`,
      code: 'UNAVAILABLE',
      operation: 'copy blob',
      side: 'target',
      digest,
      cause,
    });
  });

  test('names the content otherwise as long as there is no digest', () => {
    const details = { operation: 'read manifest', side: 'source', name: 'host/app:v1', cause } as const;
    expect(new CopyError(details).message).toBe(
      'source failed to read manifest host/app:v1: Cannot push blob: full',
    );
  });

  test('may concern no content at all', () => {
    expect(new CopyError({ operation: 'look for the copy', side: 'target', cause: 'text' })).toMatchObject({
      message: 'target failed to look for the copy: text',
      code: 'UNKNOWN',
      digest: undefined,
    });
  });
});

describe('a step', () => {
  const details = { operation: 'copy blob', side: 'source', digest } as const;

  test('hands on what it yields', async () => {
    expect(await step(details, async () => 7)).toBe(7);
  });

  test('says of its failure where it happened', async () => {
    const failing = step(details, () => Promise.reject(cause));
    await expect(failing).rejects.toMatchObject({ ...details, code: 'UNAVAILABLE', cause });
  });

  test('lets a failure pass that says so already', async () => {
    const inner = new CopyError({ operation: 'push manifest', side: 'target', cause });
    await expect(step(details, () => Promise.reject(inner))).rejects.toBe(inner);
  });
});

describe('the code of an error', () => {
  test.each([
    [cause, 'UNAVAILABLE'],
    [new Error('plain'), undefined],
    ['text', undefined],
    [undefined, undefined],
    [new DOMException('stop', 'AbortError'), 'ABORTED'],
    [AbortSignal.abort().reason, 'ABORTED'],
    [new DOMException('late', 'TimeoutError'), 'ABORTED'],
  ])('%s: %s', (error, code) => {
    expect(codeOf(error)).toBe(code);
  });
});

test('whatever is thrown becomes an error', () => {
  expect(asError(cause)).toBe(cause);
  expect(asError('text')).toEqual(new Error('text'));
});
