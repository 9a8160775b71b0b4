import { mkdtempSync, statfsSync, writeFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { RegistryServer } from '../test/e2e/harness/registry-server.ts';
import { type LoopbackCertificate, makeLoopbackCertificate } from '../test/fakes/loopback-certificate.ts';
import { startTokenServer, type TokenServer } from '../test/fakes/token-server.ts';
import { demandToken } from './bearer.ts';
import type { Case } from './case.ts';
import { Proxy, type ProxyOptions, type Traffic } from './proxy.ts';

let certificate: Promise<LoopbackCertificate> | undefined;

/** That of every registry that is reached by TLS; made when one first is. */
export function benchCertificate(): Promise<LoopbackCertificate> {
  certificate ??= makeLoopbackCertificate();
  return certificate;
}

/** A registry with a storage of its own, in memory where there is enough of it: disks differ more than tools do. */
export class Warehouse {
  readonly server: RegistryServer;
  readonly #storage: string;
  #secure: RegistryServer | undefined;

  private constructor(server: RegistryServer, storage: string) {
    this.server = server;
    this.#storage = storage;
  }

  static async open(): Promise<Warehouse> {
    const storage = mkdtempSync(join(storageParent(), 'image-cloner-bench-'));
    return new Warehouse(await RegistryServer.start({ storage }), storage);
  }

  /** What a tool is told: for TLS that is a second server over the same storage. */
  async hostFor({ speaksTls }: Pick<Case, 'speaksTls'>): Promise<string> {
    if (!speaksTls) return this.server.host;
    const { cert, key } = await benchCertificate();
    this.#secure ??= await RegistryServer.start({ storage: this.#storage, tls: { certificate: cert, key } });
    return this.#secure.host;
  }

  async close(): Promise<void> {
    await this.server.close();
    await this.#secure?.close();
    await rm(this.#storage, { recursive: true, force: true });
  }
}

/** Source and target of the largest case, and room to breathe. */
const ROOM = 6 * 1024 ** 3;
const SHARED_MEMORY = '/dev/shm';

function storageParent(): string {
  try {
    const { bavail, bsize } = statfsSync(SHARED_MEMORY);
    return bavail * bsize >= ROOM ? SHARED_MEMORY : tmpdir();
  } catch {
    return tmpdir();
  }
}

/** What came through the ways to the registries and to the token server. */
export interface Journey {
  readonly source: Traffic;
  readonly target: Traffic;
  readonly tokens: number;
}

/** How a tool reaches the two registries. */
export interface Network {
  /** As they are named in references. */
  readonly source: string;
  readonly target: string;
  /** Undefined where there is nothing between the tool and the registries. */
  journey(): Journey | undefined;
  close(): Promise<void>;
}

/** There is nothing in between. */
export function directNetwork(source: string, target: string): Network {
  return { source, target, journey: () => undefined, close: async () => undefined };
}

const ACCOUNT = { username: 'bench', password: 'bench' };

export interface NetworkOptions {
  readonly source: string;
  readonly target: string;
  readonly delayMs: number;
  readonly wantsTokens: boolean;
}

/** A proxy on each way; the token server is as far away as the registries are. */
export async function proxiedNetwork(options: NetworkOptions): Promise<Network> {
  const { delayMs, wantsTokens } = options;
  const hold = delayMs > 0 ? { hold: () => delay(delayMs) } : {};
  const tokens = await startTokenServer({ accounts: [ACCOUNT], expiresIn: 300 });
  const desk = await Proxy.start({ upstream: tokens.host, ...hold });
  const way: Omit<ProxyOptions, 'upstream'> = { ...hold, ...(wantsTokens && demand(tokens, desk)) };
  const source = await Proxy.start({ upstream: options.source, ...way });
  const target = await Proxy.start({ upstream: options.target, ...way });
  return {
    source: named(source),
    target: named(target),
    journey: () => ({
      source: source.traffic(),
      target: target.traffic(),
      tokens: desk.traffic().requests,
    }),
    close: async () => {
      for (const thing of [source, target, desk, tokens]) await thing.close();
    },
  };
}

function demand(tokens: TokenServer, desk: Proxy): Pick<ProxyOptions, 'refuse'> {
  return { refuse: demandToken(tokens, `http://${named(desk)}/token`) };
}

/** crane lets no address of a private range be a token server; a name may be one. */
function named({ host }: Proxy): string {
  return host.replace('127.0.0.1', 'localhost');
}

/** Writes the password of the target the way Docker does; sources are read by everybody. */
export function writeDockerConfig(folder: string, { target }: Pick<Network, 'target'>): void {
  const auth = Buffer.from(`${ACCOUNT.username}:${ACCOUNT.password}`).toString('base64');
  writeFileSync(join(folder, 'config.json'), JSON.stringify({ auths: { [target]: { auth } } }));
}
