import { BlockList, isIP } from 'node:net';

/**
 * Addresses that a registry on the open internet never has. A tenant chooses the source's host, so without this check
 * a name could make us speak to the node, to the cluster or to a cloud's metadata service.
 * Ranges: IANA special-purpose registries (RFC 6890 and its updates); Azure's 168.63.129.16 is public in form only.
 */
const IPV4_INTERNAL: readonly [string, number][] = [
  ['0.0.0.0', 8],
  ['10.0.0.0', 8],
  ['100.64.0.0', 10],
  ['127.0.0.0', 8],
  ['168.63.129.16', 32],
  ['169.254.0.0', 16],
  ['172.16.0.0', 12],
  ['192.0.0.0', 24],
  ['192.168.0.0', 16],
  ['198.18.0.0', 15],
  ['224.0.0.0', 3],
];

const IPV6_INTERNAL: readonly [string, number][] = [
  ['::', 127],
  ['64:ff9b:1::', 48],
  ['100::', 64],
  // Teredo carries addresses inside out, and nothing serves images over it.
  ['2001::', 32],
  ['5f00::', 16],
  ['fc00::', 7],
  ['fe80::', 10],
  ['fec0::', 10],
  ['ff00::', 8],
];

/** IPv6 prefixes, in groups, that carry an IPv4 address behind them: compatible, mapped, translated, NAT64, 6to4. */
const IPV4_CARRIERS: readonly (readonly number[])[] = [
  [0, 0, 0, 0, 0, 0],
  [0, 0, 0, 0, 0, 0xffff],
  [0, 0, 0, 0, 0xffff, 0],
  [0x64, 0xff9b, 0, 0, 0, 0],
  [0x2002],
];

const internal = new BlockList();
for (const [net, bits] of IPV4_INTERNAL) internal.addSubnet(net, bits, 'ipv4');
for (const [net, bits] of IPV6_INTERNAL) internal.addSubnet(net, bits, 'ipv6');

/** True for loopback, link-local, unspecified, private, carrier-grade NAT, multicast and metadata addresses. */
export function isInternalAddress(address: string): boolean {
  const [bare = ''] = address.split('%');
  if (isIP(bare) === 4) return internal.check(bare, 'ipv4');
  if (isIP(bare) !== 6) return true;
  const carried = carriedIpv4(bare);
  return internal.check(bare, 'ipv6') || (carried !== undefined && internal.check(carried, 'ipv4'));
}

function carriedIpv4(address: string): string | undefined {
  const groups = ipv6Groups(address);
  const carrier = IPV4_CARRIERS.find((prefix) => prefix.every((group, index) => group === groups[index]));
  if (carrier === undefined) return undefined;
  const [high = 0, low = 0] = groups.slice(carrier.length, carrier.length + 2);
  return [high >> 8, high & 255, low >> 8, low & 255].join('.');
}

/** The eight 16-bit groups of an IPv6 address, dotted IPv4 tail included. */
function ipv6Groups(address: string): number[] {
  const hex = address.replace(/(\d+)\.(\d+)\.(\d+)\.(\d+)$/, (_, ...bytes: string[]) => {
    const [a = 0, b = 0, c = 0, d = 0] = bytes.slice(0, 4).map(Number);
    return `${((a << 8) | b).toString(16)}:${((c << 8) | d).toString(16)}`;
  });
  const [head = '', tail] = hex.split('::');
  const before = head === '' ? [] : head.split(':');
  const after = tail === undefined || tail === '' ? [] : tail.split(':');
  const zeros = tail === undefined ? [] : Array<string>(8 - before.length - after.length).fill('0');
  return [...before, ...zeros, ...after].map((group) => Number.parseInt(group, 16));
}

/** True for `localhost` and literal loopback addresses; a port may follow. */
export function isLoopbackHost(host: string): boolean {
  const name = host.replace(/:\d+$/, '').replace(/^\[|\]$/g, '');
  return name === 'localhost' || name === '::1' || /^127\.\d+\.\d+\.\d+$/.test(name);
}
