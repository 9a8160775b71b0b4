import { isIPv6 } from 'node:net';

/** Where a server listens. Without a host: on every address of the machine. Port 0: any free one. */
export interface Address {
  readonly host?: string;
  readonly port: number;
}

const HIGHEST_PORT = 65_535;
const ADDRESS = /^(?:\[(?<v6>[^\]]*)\]|(?<host>[a-z0-9.-]*)):(?<port>\d{1,5})$/i;

/** Reads `:8443`, `127.0.0.1:8443`, `localhost:0`, `[::1]:8443`. @returns undefined for anything else */
export function parseAddress(text: string): Address | undefined {
  const { v6, host, port } = ADDRESS.exec(text)?.groups ?? {};
  if (port === undefined || Number(port) > HIGHEST_PORT) return undefined;
  if (v6 !== undefined) return isIPv6(v6) ? { host: v6, port: Number(port) } : undefined;
  return host === undefined || host === '' ? { port: Number(port) } : { host, port: Number(port) };
}
