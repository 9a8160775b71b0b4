import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { digestOf } from './digest.ts';
import { ContentMismatchError, Verifier } from './verifier.ts';

const algorithms = fc.constantFrom('sha256', 'sha384', 'sha512');
const pieces = fc.array(fc.uint8Array({ maxLength: 8 }).map((bytes) => Buffer.from(bytes)));

/** What is handed on of these chunks, in order, before the end or the fault. */
function pass(verifier: Verifier, chunks: readonly Buffer[]): { handed: Buffer; fault: unknown } {
  const handed: Buffer[] = [];
  try {
    for (const chunk of chunks) handed.push(...[verifier.take(chunk)].filter((held) => held !== undefined));
    handed.push(...[verifier.finish()].filter((held) => held !== undefined));
    return { handed: Buffer.concat(handed), fault: undefined };
  } catch (fault) {
    return { handed: Buffer.concat(handed), fault };
  }
}

function verifierOf(content: Buffer, algorithm: 'sha256' | 'sha384' | 'sha512' = 'sha256'): Verifier {
  return new Verifier({ digest: digestOf(content, algorithm), size: content.length });
}

test('right content passes whole, in whatever pieces and by whatever algorithm', () => {
  fc.assert(
    fc.property(pieces, algorithms, (chunks, algorithm) => {
      const content = Buffer.concat(chunks);
      const verifier = verifierOf(content, algorithm);
      expect(pass(verifier, chunks)).toEqual({ handed: content, fault: undefined });
      expect(verifier.size).toBe(content.length);
    }),
  );
});

test('other content never passes whole', () => {
  fc.assert(
    fc.property(pieces, pieces, (wanted, sent) => {
      const content = Buffer.concat(wanted);
      fc.pre(!content.equals(Buffer.concat(sent)));
      const { handed, fault } = pass(verifierOf(content), sent);
      expect(fault).toBeInstanceOf(ContentMismatchError);
      expect(handed.length).toBeLessThan(Math.max(content.length, 1));
    }),
  );
});

test('a piece without bytes does not give away what is held back', () => {
  const sent = ['ab', '', 'c'].map((text) => Buffer.from(text));
  const { handed, fault } = pass(verifierOf(Buffer.from('ab')), sent);
  expect([handed.toString(), fault]).toEqual(['', expect.any(ContentMismatchError)]);
});

test.each([
  ['fewer bytes', ['a'], /^wanted 2 bytes, got 1$/],
  ['none', [], /^wanted 2 bytes, got 0$/],
  ['more bytes', ['ab', 'c'], /^wanted 2 bytes, got more$/],
  ['other bytes', ['a', 'c'], /^wanted digest sha256:[0-9a-f]{64}, got sha256:[0-9a-f]{64}$/],
])('%s are told apart', (_name, sent, message) => {
  const { fault } = pass(
    verifierOf(Buffer.from('ab')),
    sent.map((text) => Buffer.from(text)),
  );
  expect(fault).toMatchObject({ code: 'CONTENT_MISMATCH', message: expect.stringMatching(message) });
});
