import type { Command } from './measurement.ts';
import type { Pair } from './pair.ts';

/** What a tool is told beside the references. */
export interface Surroundings {
  /** Folder with a `config.json` as Docker writes it. */
  readonly dockerConfig: string;
  /** Folder for what the tool likes to keep; empty at the start. */
  readonly home: string;
  /** PEM file of whom the tool has to trust. Without it registries speak plain HTTP. */
  readonly authority?: string;
}

/** A program that copies images between registries. */
export interface Tool {
  readonly name: string;
  /** Copies many images in one process, all at once. */
  readonly copiesMany: boolean;
  readonly version: () => Promise<string>;
  readonly command: (pairs: readonly Pair[], surroundings: Surroundings) => Command;
}

/** To whom all others are compared. */
export const YARDSTICK = 'crane';

/** Keeps a tool from the settings and memories of whoever runs the bench. */
export function environmentOf({
  dockerConfig,
  home,
  authority,
}: Surroundings): Readonly<Record<string, string>> {
  return {
    DOCKER_CONFIG: dockerConfig,
    HOME: home,
    XDG_DATA_HOME: home,
    REGCTL_CONFIG: `${home}/regctl.json`,
    // skopeo remembers where it saw which blob; for root in /var/lib unless it is told that this is not root.
    _CONTAINERS_ROOTLESS_UID: '1000',
    ...(authority !== undefined && { SSL_CERT_FILE: authority, NODE_EXTRA_CA_CERTS: authority }),
  };
}
