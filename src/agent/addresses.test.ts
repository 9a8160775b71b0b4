import { expect, test } from 'vitest';
import { formatAddress, resolveHost } from './addresses.ts';

test.each([
  ['10.0.0.1', '10.0.0.1:8443'],
  ['agents.example.com', 'agents.example.com:8443'],
  ['::1', '[::1]:8443'],
])('%s is written %s', (host, written) => {
  expect(formatAddress({ host, port: 8443 })).toBe(written);
});

test.each(['127.0.0.1', '::1'])('the address %s is looked up nowhere', async (host) => {
  expect(await resolveHost(host)).toEqual([host]);
});

test('a name has all its addresses', async () => {
  const found = await resolveHost('localhost');
  expect(found.length).toBeGreaterThan(0);
  for (const address of found) expect(['127.0.0.1', '::1']).toContain(address);
});

test('a name that nobody has is a fault', async () => {
  await expect(resolveHost('nobody.invalid')).rejects.toThrow('nobody.invalid');
});
