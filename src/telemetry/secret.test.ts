import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { hideSecrets } from './secret.ts';

describe('what is blotted out of free text', () => {
  test.each([
    ['https://user:pass@registry.example.com/v2/', 'https://[hidden]@registry.example.com/v2/'],
    ['at http://token@h:5000/x now', 'at http://[hidden]@h:5000/x now'],
    ['https://cdn.example.com/blob?X-Sig=abc&e=1', 'https://cdn.example.com/blob?[hidden]'],
    ['GET "https://cdn.example.com/b?s=abc" failed', 'GET "https://cdn.example.com/b?[hidden]" failed'],
    ['https://u:p@cdn.example.com/b?s=1', 'https://[hidden]@cdn.example.com/b?[hidden]'],
    ['authorization: Bearer eyJhbGciOi.J9.abc-_', 'authorization: Bearer [hidden]'],
    ['authorization: basic dXNlcjpwYXNz', 'authorization: basic [hidden]'],
    ['HTTPS://U:P@H/', 'HTTPS://[hidden]@H/'],
  ])('%s', (text, expected) => {
    expect(hideSecrets(text)).toBe(expected);
  });

  test.each([
    'alpine:3.12@sha256:87703314048c40236c6d674424159ee862e2b96ce1c37c62d877e21ed27a387e',
    'Cannot reach https://registry.example.com/v2/library/alpine/manifests/3.12',
    'is this a question? yes',
    'mail to admin@example.com',
    'Basic auth is wanted',
    '',
  ])('is left alone: %s', (text) => {
    expect(hideSecrets(text)).toBe(text);
  });

  test('text longer than any message needs is cut', () => {
    expect(hideSecrets('x'.repeat(1_000_000)).length).toBeLessThan(10_000);
  });

  test('no user information survives, wherever the address stands', () => {
    const word = fc.stringMatching(/^[a-z0-9 .:,]{0,20}$/);
    const secret = fc.stringMatching(/^[A-Z0-9]{12,20}$/);
    fc.assert(
      fc.property(word, secret, word, (before, password, after) => {
        expect(hideSecrets(`${before} https://u:${password}@h/ ${after}`)).not.toContain(password);
      }),
    );
  });
});
