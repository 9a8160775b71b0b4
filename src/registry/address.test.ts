import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { isInternalAddress, isLoopbackHost } from './address.ts';

describe('internal addresses', () => {
  test.each([
    ['unspecified', '0.0.0.0', '0.255.255.255'],
    ['private, class A', '10.0.0.0', '10.255.255.255'],
    ['carrier-grade NAT', '100.64.0.0', '100.127.255.255'],
    ['loopback', '127.0.0.0', '127.255.255.255'],
    ['link-local with the metadata services', '169.254.0.0', '169.254.255.255'],
    ['private, class B', '172.16.0.0', '172.31.255.255'],
    ['IETF protocols', '192.0.0.0', '192.0.0.255'],
    ['private, class C', '192.168.0.0', '192.168.255.255'],
    ['benchmarks', '198.18.0.0', '198.19.255.255'],
    ['multicast and reserved', '224.0.0.0', '255.255.255.255'],
  ])('%s: from %s to %s and no further', (_name, first, last) => {
    expect([first, last].map(isInternalAddress)).toEqual([true, true]);
    const outside = [before(first), after(last)].filter((address) => address !== undefined);
    expect(outside.filter(isInternalAddress)).toEqual([]);
  });

  test.each([
    ['unspecified', '::'],
    ['loopback', '::1'],
    ['discard only', '100::1'],
    ['Teredo', '2001:0:4136:e378:8000:63bf:3fff:fdd2'],
    ['segment routing', '5f00::1'],
    ['unique local', 'fc00::1'],
    ['unique local, the metadata service of AWS', 'fd00:ec2::254'],
    ['link-local', 'fe80::1'],
    ['link-local with a zone', 'fe80::1%eth0'],
    ['site-local', 'fec0::1'],
    ['multicast', 'ff02::1'],
    ['local NAT64', '64:ff9b:1::1'],
    ['the metadata service of Azure', '168.63.129.16'],
    ['the metadata service of Alibaba', '100.100.100.200'],
  ])('%s: %s', (_name, address) => {
    expect(isInternalAddress(address)).toBe(true);
  });

  test.each([
    ['mapped', '::ffff:127.0.0.1'],
    ['mapped, in hex', '::ffff:7f00:1'],
    ['mapped, written out', '0:0:0:0:0:ffff:a9fe:a9fe'],
    ['mapped, in capitals', '::FFFF:10.1.2.3'],
    ['compatible', '::127.0.0.1'],
    ['compatible, in hex', '::a9fe:a9fe'],
    ['translated', '::ffff:0:192.168.1.1'],
    ['NAT64', '64:ff9b::169.254.169.254'],
    ['NAT64, in hex', '64:ff9b::a00:1'],
    ['6to4', '2002:7f00:1::'],
    ['6to4 of the metadata service', '2002:a9fe:a9fe::1'],
  ])('an IPv6 address that carries an internal IPv4 one, %s: %s', (_name, address) => {
    expect(isInternalAddress(address)).toBe(true);
  });

  test.each([
    '1.1.1.1',
    '168.63.129.15',
    '2606:4700::6810:84e5',
    '2001:4860:4860::8888',
    '::ffff:1.1.1.1',
    '64:ff9b::1.1.1.1',
    '2002:101:101::1',
    'fbff::1',
    '2001:1::1',
  ])('%s is none', (address) => {
    expect(isInternalAddress(address)).toBe(false);
  });

  test.each(['', 'localhost', '127.1', '0x7f000001', '2130706433', '[::1]', '1.2.3.4.5', '::1::'])(
    'what is no address, like %j, counts as one: nothing may be connected to',
    (text) => {
      expect(isInternalAddress(text)).toBe(true);
    },
  );

  test('an IPv4 address means the same in every IPv6 form that carries it', () => {
    fc.assert(
      fc.property(fc.ipV4(), (address) => {
        const [a = 0, b = 0, c = 0, d = 0] = address.split('.').map(Number);
        const hex = `${((a << 8) | b).toString(16)}:${((c << 8) | d).toString(16)}`;
        const forms = [`::ffff:${address}`, `::ffff:${hex}`, `64:ff9b::${address}`, `2002:${hex}::1`];
        expect(forms.map(isInternalAddress)).toEqual(forms.map(() => isInternalAddress(address)));
      }),
    );
  });

  test('whatever it is given, it answers', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.ipV6(), fc.ipV4Extended()), (text) => {
        expect(typeof isInternalAddress(text)).toBe('boolean');
      }),
    );
  });
});

describe('hosts on loopback', () => {
  test.each([
    'localhost',
    'localhost:5000',
    '127.0.0.1',
    '127.0.0.1:5000',
    '127.9.9.9',
    '[::1]',
    '[::1]:5000',
  ])('%s is one', (host) => {
    expect(isLoopbackHost(host)).toBe(true);
  });

  test.each([
    'localhost.example.com',
    '127.0.0.1.nip.io',
    'notlocalhost',
    '128.0.0.1',
    '10.0.0.1:5000',
    '[::2]:5000',
    'example.com:127',
    '0.0.0.0',
  ])('%s is none', (host) => {
    expect(isLoopbackHost(host)).toBe(false);
  });
});

function before(address: string): string | undefined {
  return neighbour(address, -1);
}

function after(address: string): string | undefined {
  return neighbour(address, 1);
}

function neighbour(address: string, step: number): string | undefined {
  const number = address.split('.').reduce((sum, byte) => sum * 256 + Number(byte), 0) + step;
  if (number < 0 || number > 0xffffffff) return undefined;
  return [24, 16, 8, 0].map((shift) => Math.floor(number / 2 ** shift) % 256).join('.');
}
