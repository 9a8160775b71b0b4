import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { digestOf } from '../image/digest.ts';
import { VerifiedStream } from './verified-stream.ts';

const mediaType = 'application/octet-stream';

test('content passes unchanged, however it is cut, for each algorithm', async () => {
  const pieces = fc.array(fc.uint8Array({ maxLength: 20 }), { minLength: 1 });
  await fc.assert(
    fc.asyncProperty(pieces, fc.constantFrom('sha256', 'sha384', 'sha512'), async (parts, algorithm) => {
      const bytes = Buffer.concat(parts);
      const descriptor = { mediaType, digest: digestOf(bytes, algorithm), size: bytes.length };
      const source = Readable.from(
        parts.map((part) => Buffer.from(part)),
        { objectMode: false },
      );
      expect(await buffer(source.pipe(new VerifiedStream(descriptor, 'read')))).toEqual(bytes);
    }),
  );
});

test.each([
  ['another digest', 'ab', 'ac', /wanted digest sha256:.+, got sha256:/],
  ['fewer bytes', 'ab', 'a', /wanted 2 bytes, got 1/],
  ['more bytes', 'ab', 'abc', /wanted 2 bytes, got more/],
])('content with %s never comes through whole', async (_, wanted, sent, message) => {
  const bytes = Buffer.from(wanted);
  const verified = new VerifiedStream(
    { mediaType, digest: digestOf(bytes), size: bytes.length },
    'read blob',
  );
  let through = '';
  verified.on('data', (chunk) => {
    through += String(chunk);
  });
  const ended = new Promise((resolve) => void verified.once('error', resolve));
  Readable.from(
    sent.split('').map((letter) => Buffer.from(letter)),
    { objectMode: false },
  ).pipe(verified);
  const error = await ended;
  expect(error).toMatchObject({ code: 'CONTENT_MISMATCH', message: expect.stringMatching(message) });
  expect(error).toMatchObject({ message: expect.stringMatching(/^Cannot read blob: /) });
  expect(through.length).toBeLessThan(wanted.length);
});
