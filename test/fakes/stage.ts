import { setDefaultCACertificates } from 'node:tls';
import { afterAll, afterEach } from 'vitest';
import { Client, type ClientOptions } from '../../src/registry/client.ts';
import type { Credential } from '../../src/registry/credential.ts';
import { Repository } from '../../src/registry/repository.ts';
import type { Actions } from '../../src/registry/scope.ts';
import { type Handle, type Listener, type ListenerOptions, listen } from './listener.ts';
import { makeLoopbackCertificate } from './loopback-certificate.ts';
import { type RegistryOptions, type ScriptedRegistry, startRegistry } from './scripted-registry.ts';
import { startTokenServer, type TokenServer, type TokenServerOptions } from './token-server.ts';

export interface StageClientOptions extends Partial<ClientOptions> {
  /** For every repository, in the order they are tried. */
  readonly credentials?: readonly Credential[];
}

/** Servers and clients of one test file; each is closed at the end of the test that asked for it. */
export interface Stage {
  listen(handle: Handle, options?: ListenerOptions): Promise<Listener>;
  registry(options?: RegistryOptions): Promise<ScriptedRegistry>;
  tokens(options?: TokenServerOptions): Promise<TokenServer>;
  /** Reaches every loopback server, and hardly pauses between tries. */
  client(options?: StageClientOptions): Client;
  repository(
    registry: { readonly host: string },
    path: string,
    options?: StageClientOptions & { readonly client?: Client; readonly actions?: Actions },
  ): Repository;
}

export function useStage(): Stage {
  const closers: (() => Promise<void>)[] = [];
  afterEach(async () => {
    await Promise.all(closers.splice(0).map((close) => close()));
  });

  function kept<T extends { close(): Promise<void> }>(opened: T): T {
    closers.push(() => opened.close());
    return opened;
  }

  function client({ credentials = [], ...options }: StageClientOptions = {}): Client {
    return kept(
      new Client({
        findCredentials: async () => credentials,
        speaksPlainHttp: () => true,
        mayBeInternal: () => true,
        firstPauseMs: 1,
        ...options,
      }),
    );
  }

  return {
    client,
    listen: async (handle, options) => kept(await listen(handle, options)),
    registry: async (options) => kept(await startRegistry(options)),
    tokens: async (options) => kept(await startTokenServer(options)),
    repository: ({ host }, path, { client: own, actions = 'pull,push', ...options } = {}) =>
      new Repository(own ?? client(options), { host, path }, actions),
  };
}

/** A certificate for loopback that every client of this test file trusts, and nobody after it. */
export async function trustedCertificate(): Promise<{ readonly key: string; readonly cert: string }> {
  const { ca, key, cert } = await makeLoopbackCertificate();
  setDefaultCACertificates([ca]);
  afterAll(() => setDefaultCACertificates([]));
  return { key, cert };
}

/** A signal that nobody aborts. */
export const never = new AbortController().signal;
