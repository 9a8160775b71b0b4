import { describe, expect, test } from 'vitest';
import { endpointOf } from './endpoint.ts';

describe('the address of a registry', () => {
  test.each([
    ['docker.io', 'https://registry-1.docker.io/', false],
    ['ghcr.io', 'https://ghcr.io/', false],
    ['registry.example:5000', 'https://registry.example:5000/', false],
    ['registry.example:443', 'https://registry.example/', false],
    ['10.0.0.1:5000', 'https://10.0.0.1:5000/', false],
    ['[2001:db8::1]:5000', 'https://[2001:db8::1]:5000/', false],
    ['localhost:5000', 'http://localhost:5000/', true],
    ['127.0.0.1:5000', 'http://127.0.0.1:5000/', true],
    ['[::1]:5000', 'http://[::1]:5000/', true],
  ])('%s: %s', (host, href, tlsIfSpoken) => {
    const endpoint = endpointOf(host, () => false);
    expect([endpoint.url.href, endpoint.tlsIfSpoken]).toEqual([href, tlsIfSpoken]);
  });

  test.each(['registry.example:5000', 'localhost:5000'])(
    '%s is spoken to by plain HTTP and nothing else where that is configured',
    (host) => {
      expect(endpointOf(host, (name) => name === host)).toEqual({
        url: new URL(`http://${host}`),
        tlsIfSpoken: false,
      });
    },
  );

  test('Docker Hub is never spoken to by plain HTTP', () => {
    expect(endpointOf('docker.io', () => true).url.protocol).toBe('https:');
  });

  test.each(['registry.example:99999', '1.2.3.4.5', '256.1.1.1', '[::1'])('%s is none', (host) => {
    expect(() => endpointOf(host, () => false)).toThrow(expect.objectContaining({ code: 'FORBIDDEN_HOP' }));
  });
});
