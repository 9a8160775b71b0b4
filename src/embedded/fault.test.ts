import { expect, test } from 'vitest';
import { InvalidManifestError } from '../image/manifest.ts';
import { LayoutError } from '../layout/layout-error.ts';
import { refusalFor } from './fault.ts';
import { Refusal } from './refusal.ts';

const operation = 'read /srv/secret';

test.each([
  ['a manifest that makes no sense', new InvalidManifestError('wanted JSON'), 400, 'MANIFEST_INVALID'],
  [
    'missing content',
    new LayoutError('x', { code: 'MISSING_CONTENT', operation, missing: [] }),
    400,
    'MANIFEST_BLOB_UNKNOWN',
  ],
  ['absent content', new LayoutError('x', { code: 'NOT_FOUND', operation }), 404, 'MANIFEST_UNKNOWN'],
  ['a broken layout', new LayoutError('x', { code: 'INVALID_LAYOUT', operation }), 500, 'UNKNOWN'],
  ['broken content', new LayoutError('x', { code: 'CONTENT_MISMATCH', operation }), 500, 'UNKNOWN'],
  ['a full disk', Object.assign(new Error('ENOSPC'), { code: 'ENOSPC' }), 507, 'UNKNOWN'],
  ['another fault of the disk', Object.assign(new Error('EIO'), { code: 'EIO' }), 500, 'UNKNOWN'],
  ['a fault of ours', new TypeError('x is undefined'), 500, 'UNKNOWN'],
  ['something that is no error', 'thrown', 500, 'UNKNOWN'],
])('%s is answered %s', (...[, error, status, code]) => {
  expect(refusalFor(error)).toMatchObject({ status, code, cause: error });
});

test('a refusal is answered as it is', () => {
  const refusal = new Refusal({ status: 418, code: 'UNSUPPORTED', message: 'x' });
  expect(refusalFor(refusal)).toBe(refusal);
});

test('a fault of the server keeps its message to itself', () => {
  const error = new LayoutError('broken', { code: 'INVALID_LAYOUT', operation });
  expect(refusalFor(error).body).not.toContain('secret');
});
