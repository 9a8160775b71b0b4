import { getCACertificates } from 'node:tls';
import buildConnector from 'undici/lib/core/connect.js';
import type { FindHostCertificates, HostCertificates } from './host-certificates.ts';

interface Built {
  readonly key: string;
  readonly connect: buildConnector.connector;
}

/** Connects by TLS with the certificates of each host. One connector is kept for each, with its TLS sessions. */
export function hostConnector(
  options: buildConnector.BuildOptions,
  find: FindHostCertificates,
): buildConnector.connector {
  const usual = buildConnector(options);
  const built = new Map<string, Built>();

  function connectorFor(host: string, certificates: HostCertificates): buildConnector.connector {
    const key = JSON.stringify(certificates);
    const known = built.get(host);
    if (known?.key === key) return known.connect;
    const { authorities, ...own } = certificates;
    // Whatever is given takes the place of the system's own.
    const ca = authorities.length > 0 && { ca: [...getCACertificates('default'), ...authorities] };
    const connect = buildConnector({ ...options, ...own, ...ca });
    built.set(host, { key, connect });
    return connect;
  }

  return (target, callback) => {
    const host = target.host ?? target.hostname;
    find(host)
      .then((certificates) => (certificates === undefined ? usual : connectorFor(host, certificates)))
      // Out of the promise, so that whatever the callback throws is not taken for a fault of the files.
      .then(
        (connect) => void setImmediate(connect, target, callback),
        (error: Error) => void setImmediate(callback, error, null),
      );
  };
}
