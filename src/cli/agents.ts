import { readFile } from 'node:fs/promises';
import { Agents } from '../agent/agents.ts';
import type { ObserveAgents } from '../agent/event.ts';
import { parseAddress } from '../config/address.ts';
import type { Settings } from '../config/configuration.ts';

/** The agents that the settings name, asked with the certificate that they name. */
export function agentsOf(
  { addresses, certFile, keyFile, caFile }: Settings['agents'],
  observe: ObserveAgents,
): Agents {
  return new Agents({
    // Checked when the settings were: each has a host.
    addresses: addresses.flatMap((text) => {
      const { host, port } = parseAddress(text) ?? {};
      return host === undefined || port === undefined ? [] : [{ host, port }];
    }),
    identity: async () => {
      const [cert, key, ca] = await Promise.all(
        [certFile, keyFile, caFile].map((file) => readFile(file, 'utf8')),
      );
      return { cert: cert ?? '', key: key ?? '', ca: ca ?? '' };
    },
    observe,
  });
}
