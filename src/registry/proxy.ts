import { BlockList, isIP } from 'node:net';
import { isLoopbackHost } from './address.ts';

/** Where a connection leads: name or address without brackets, and port. */
export interface Destination {
  readonly hostname: string;
  readonly port: number;
}

/** The proxy that an HTTPS connection goes through, if any. */
export type FindProxy = (destination: Destination) => URL | undefined;

export class InvalidProxyError extends Error {
  override readonly name = 'InvalidProxyError';
  readonly code = 'INVALID_PROXY';

  /** Without the value: it may hold a password. */
  constructor() {
    super('Cannot use HTTPS_PROXY: wanted an http or https URL, such as "http://proxy.example.com:3128"');
  }
}

/**
 * Reads `HTTPS_PROXY` and `NO_PROXY`, or the same in lower case. `NO_PROXY` is a list of names (a domain stands for what
 * lies below it, too), addresses, ranges (`10.0.0.0/8`) and `*`, each with a port if wanted, as for most programs.
 * Loopback is always reached directly.
 * @throws InvalidProxyError
 */
export function proxyFrom(environment: Readonly<Record<string, string | undefined>>): FindProxy {
  const text = environment['HTTPS_PROXY'] || environment['https_proxy'] || '';
  if (text === '') return () => undefined;
  const proxy = parseProxy(text);
  const exceptions = (environment['NO_PROXY'] || environment['no_proxy'] || '')
    .split(/[\s,]+/)
    .map(parseException);
  return (destination) => {
    const direct = isLoopback(destination) || exceptions.some((one) => one(destination));
    return direct ? undefined : proxy;
  };
}

/** An address of IPv6 without its brackets seems to end in a port. */
function isLoopback({ hostname }: Destination): boolean {
  return isLoopbackHost(hostname.includes(':') ? `[${hostname}]` : hostname);
}

function parseProxy(text: string): URL {
  const url = URL.parse(text.includes('://') ? text : `http://${text}`);
  if (url === null || !/^https?:$/.test(url.protocol)) throw new InvalidProxyError();
  return url;
}

type Exception = (destination: Destination) => boolean;

function parseException(entry: string): Exception {
  if (entry === '*') return () => true;
  const range = /^(?<net>[^/]+)\/(?<bits>\d{1,3})$/.exec(entry)?.groups;
  if (range !== undefined) return inRange(range['net'] ?? '', Number(range['bits']));
  const { name = '', port } =
    /^(?<name>\[[^\]]*\]|[^:]*|[^[\]]*:[^[\]]*:[^[\]]*)(?::(?<port>\d+))?$/.exec(entry)?.groups ?? {};
  const matches = matcherOf(name.toLowerCase().replace(/^\[|\]$/g, ''));
  return (destination) =>
    (port === undefined || Number(port) === destination.port) && matches(destination.hostname.toLowerCase());
}

function inRange(net: string, bits: number): Exception {
  const family = isIP(net);
  if (family === 0 || bits > (family === 4 ? 32 : 128)) return () => false;
  const list = new BlockList();
  list.addSubnet(net, bits, family === 4 ? 'ipv4' : 'ipv6');
  return ({ hostname }) => {
    const own = isIP(hostname);
    return own === family && list.check(hostname, own === 4 ? 'ipv4' : 'ipv6');
  };
}

/** `example.com` is the domain and all below it; `.example.com` and `*.example.com` only what is below. */
function matcherOf(name: string): (hostname: string) => boolean {
  const domain = name.replace(/^\*?\./, '');
  if (domain === '') return () => false;
  return (hostname) =>
    (hostname === domain && domain === name) || (isIP(domain) === 0 && hostname.endsWith(`.${domain}`));
}
