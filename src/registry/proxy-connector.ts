import type buildConnector from 'undici/lib/core/connect.js';
import type { FindProxy } from './proxy.ts';

const DEFAULT_PORT = 443;

/**
 * TLS connections go through the proxy that is found for them. It looks the name up, so no address can be checked here:
 * that is then up to the proxy. Plain HTTP is for registries nearby and never goes through one.
 */
export function proxyConnector(
  connect: buildConnector.connector,
  findProxy: FindProxy,
  timeoutMs: number,
): buildConnector.connector {
  return (target, callback) => {
    const destination = { hostname: target.hostname, port: Number(target.port || DEFAULT_PORT) };
    const proxy = findProxy(destination);
    if (proxy === undefined) {
      connect(target, callback);
      return;
    }
    // Loaded where there is a proxy: node:http brings a second undici along, 20 ms and 4 MB at each start.
    void import('./tunnel.ts')
      .then(({ openTunnel }) => openTunnel(proxy, destination, timeoutMs))
      .then(
        // Out of the promise, so that whatever the callback throws is not taken for a fault of the proxy.
        (httpSocket) => void setImmediate(connect, { ...target, httpSocket }, callback),
        (error: Error) => void setImmediate(callback, error, null),
      );
  };
}
