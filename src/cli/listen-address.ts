import type { AddressInfo } from 'node:net';
import { parseAddress } from '../config/address.ts';

/** Checked when the settings were; read here into what a socket wants. */
export function addressOf(text: string): { readonly host?: string; readonly port: number } {
  const address = parseAddress(text);
  if (address === undefined) throw new TypeError(`Cannot listen on ${JSON.stringify(text)}`);
  return address;
}

/** `127.0.0.1:8443`, `[::]:8443`. */
export function addressText({ address, family, port }: AddressInfo): string {
  return family === 'IPv6' ? `[${address}]:${port}` : `${address}:${port}`;
}
