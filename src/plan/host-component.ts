const IPV6 = /^\[(?<address>.+)\](?::(?<port>\d+))?$/;
const IPV6_GROUPS = 8;

/** Below it lies what namespaces have for themselves. A host can be called so, too: `NS/team-a/app` names one. */
export const OWNERS = 'ns';

/**
 * A registry host as one component of a repository path, where neither ':' nor '[' may stand: a port follows '_',
 * an IPv6 address is `ipv6_` and its eight full groups. No host name has a '_', so no two hosts become the same.
 */
export function hostComponent(host: string): string {
  if (host === OWNERS) return `${OWNERS}_host`;
  const { address, port } = IPV6.exec(host)?.groups ?? {};
  if (address === undefined) return host.replace(':', '_');
  const component = `ipv6_${groupsOf(address).join('-')}`;
  return port === undefined ? component : `${component}_${port}`;
}

/** RFC 4291, 2.2: `::` stands for as many groups of zeros as are missing. */
function groupsOf(address: string): readonly string[] {
  const [left = [], right = []] = address
    .split('::')
    .map((part) => part.split(':').filter((group) => group !== ''));
  const zeros = Array<string>(IPV6_GROUPS - left.length - right.length).fill('0');
  return [...left, ...zeros, ...right].map((group) => group.padStart(4, '0'));
}
