import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parseAddress } from './address.ts';

describe('an address to listen on', () => {
  test.each([
    [':8443', { port: 8443 }],
    [':0', { port: 0 }],
    ['127.0.0.1:9090', { host: '127.0.0.1', port: 9090 }],
    ['localhost:1', { host: 'localhost', port: 1 }],
    ['my-host.example.com:65535', { host: 'my-host.example.com', port: 65_535 }],
    ['[::1]:8443', { host: '::1', port: 8443 }],
    ['[::]:8443', { host: '::', port: 8443 }],
  ])('%s', (text, expected) => {
    expect(parseAddress(text)).toEqual(expected);
  });

  test.each([
    '',
    ':',
    '8443',
    'localhost',
    ':65536',
    ':-1',
    ':8443 ',
    ' :8443',
    ':84a',
    '::1:80',
    '[]:80',
    '[x]:80',
    '[1.2.3.4]:80',
    'a b:80',
    'http://x:80',
    'x:80/',
    ':123456',
    'a\nb:80',
  ])('%j is none', (text) => {
    expect(parseAddress(text)).toBeUndefined();
  });

  test('every port can be named', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 65_535 }), (port) => {
        expect(parseAddress(`host:${port}`)).toEqual({ host: 'host', port });
      }),
    );
  });
});
