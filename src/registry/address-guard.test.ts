import type { LookupAddress } from 'node:dns';
import { describe, expect, test } from 'vitest';
import { guardedLookup, literalFault } from './address-guard.ts';

function look(
  hostname: string,
  { all = true, allowed = false } = {},
): Promise<string | readonly LookupAddress[]> {
  return new Promise((resolve, reject) => {
    guardedLookup(() => allowed)(hostname, { all }, (error, address) => {
      if (error === null) resolve(address);
      else reject(error);
    });
  });
}

describe('a name', () => {
  test.each(['localhost', '127.1', '0x7f000001', '2130706433', '0177.0.0.1', '0', '::1'])(
    '%s is judged by what it resolves to',
    async (name) => {
      await expect(look(name)).rejects.toMatchObject({
        code: 'FORBIDDEN_HOP',
        message: expect.stringContaining('"sources.internal"'),
      });
    },
  );

  test('may be internal where the operator says so', async () => {
    expect(await look('127.0.0.1', { allowed: true })).toEqual([{ address: '127.0.0.1', family: 4 }]);
    expect(await look('127.0.0.1', { allowed: true, all: false })).toBe('127.0.0.1');
  });

  test('that is a public address passes', async () => {
    expect(await look('192.88.98.1')).toEqual([{ address: '192.88.98.1', family: 4 }]);
  });

  test('that is none fails as every lookup does', async () => {
    await expect(look('x'.repeat(300))).rejects.toMatchObject({ syscall: 'getaddrinfo' });
  });
});

describe('a literal address, which is never looked up', () => {
  test.each(['127.0.0.1', '169.254.169.254', '::1', '::ffff:7f00:1'])('%s is refused', (address) => {
    expect(literalFault(address, () => false)).toMatchObject({ code: 'FORBIDDEN_HOP' });
  });

  test('passes where the operator says so', () => {
    expect(literalFault('127.0.0.1', (hostname) => hostname === '127.0.0.1')).toBeUndefined();
  });

  test.each(['1.1.1.1', 'localhost', '2606:4700::1'])('%s is not its matter', (hostname) => {
    expect(literalFault(hostname, () => false)).toBeUndefined();
  });
});
