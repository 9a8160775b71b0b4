import { type LookupAddress, type LookupOptions, lookup } from 'node:dns';
import { isIP } from 'node:net';
import { isInternalAddress } from './address.ts';
import { RegistryError } from './registry-error.ts';

/** May this host (name or literal, without port and brackets) be on an internal address? The operator says. */
export type MayBeInternal = (hostname: string) => boolean;

type LookupCallback = (error: Error | null, address: string | LookupAddress[], family?: number) => void;

/**
 * A `lookup` for sockets that hands on only addresses one may connect to. It judges what the name resolved to at the
 * very moment of connecting, so neither spelling tricks (`127.1`, `0x7f000001`) nor a name that changes between check
 * and use get past it.
 */
export function guardedLookup(mayBeInternal: MayBeInternal) {
  return (hostname: string, options: LookupOptions, callback: LookupCallback): void => {
    lookup(hostname, { ...options, all: true }, (error, addresses) => {
      if (error !== null) return callback(error, []);
      const allowed = addresses.filter(
        ({ address }) => mayBeInternal(hostname) || !isInternalAddress(address),
      );
      const [first] = allowed;
      if (first === undefined) return callback(forbiddenAddress(hostname), []);
      if (options.all === true) return callback(null, allowed);
      callback(null, first.address, first.family);
    });
  };
}

/** Literal addresses are never looked up, so they are checked before the connection. */
export function literalFault(hostname: string, mayBeInternal: MayBeInternal): RegistryError | undefined {
  return isIP(hostname) !== 0 && isInternalAddress(hostname) && !mayBeInternal(hostname)
    ? forbiddenAddress(hostname)
    : undefined;
}

export function forbiddenAddress(hostname: string): RegistryError {
  return new RegistryError('it has an internal address; add it to "sources.internal" if that is meant', {
    code: 'FORBIDDEN_HOP',
    operation: `connect to ${JSON.stringify(hostname)}`,
  });
}
