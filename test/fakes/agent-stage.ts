import type { AddressInfo } from 'node:net';
import { afterAll, afterEach, beforeAll } from 'vitest';
import type { AgentAddress } from '../../src/agent/addresses.ts';
import { Agent, type AgentParts } from '../../src/agent/agent.ts';
import { AGENT_NAME, type Identity } from '../../src/agent/agent-client.ts';
import { transferLimit } from '../../src/copy/limit.ts';
import { createMutualServer, type Handle } from '../../src/server/http-server.ts';
import { Listener } from '../../src/server/listener.ts';
import {
  type CertificatePair,
  makeAuthority,
  makeClientCertificate,
  makeServerCertificate,
} from '../../tls/certificate.ts';
import { never, type Stage } from './stage.ts';

/** Certificates of one authority, as `make gen` makes them. */
export interface AgentCertificates {
  readonly authority: CertificatePair;
  readonly agent: CertificatePair;
  readonly client: CertificatePair;
  /** Of another authority. */
  readonly stranger: CertificatePair;
}

/** Agents of one test file, behind real mutual TLS; each is closed at the end of the test that asked for it. */
export interface AgentStage {
  certificates(): AgentCertificates;
  /** Who a webhook is to agents. */
  identity(): Identity;
  /** An agent that answers. */
  agent(parts: Partial<AgentParts>): Promise<AgentAddress>;
  /** Something else in the place of an agent. */
  server(handle: Handle, certificate?: CertificatePair): Promise<AgentAddress>;
}

export function useAgents(stage: Stage): AgentStage {
  const closers: (() => Promise<void>)[] = [];
  let made: AgentCertificates | undefined;
  beforeAll(async () => {
    made = await makeCertificates();
  });
  afterEach(async () => {
    await Promise.all(closers.splice(0).map((close) => close()));
  });
  afterAll(() => {
    made = undefined;
  });

  function certificates(): AgentCertificates {
    if (made === undefined) throw new Error('Cannot use certificates before they are made');
    return made;
  }

  async function server(handle: Handle, pair = certificates().agent): Promise<AgentAddress> {
    const { authority } = certificates();
    const context = { cert: pair.certificate, key: pair.key, ca: authority.certificate };
    const listener = new Listener(createMutualServer(context, handle));
    const { port }: AddressInfo = await listener.listen({ host: '127.0.0.1', port: 0 });
    closers.push(() => listener.close(AbortSignal.abort()));
    return { host: '127.0.0.1', port };
  }

  return {
    certificates,
    server,
    identity: () => identityOf(certificates()),
    agent: (parts) => server(new Agent({ ...idle(stage), ...parts }).handle),
  };
}

export function identityOf({ client, authority }: Pick<AgentCertificates, 'client' | 'authority'>): Identity {
  return { cert: client.certificate, key: client.key, ca: authority.certificate };
}

/** An agent of a node that holds nothing, and that may push anywhere. */
function idle(stage: Stage): AgentParts {
  const limit = transferLimit(4);
  return {
    origins: [],
    mayPush: () => true,
    observe: () => undefined,
    wayTo: ({ backup, credential }, signal) => {
      const credentials = credential === undefined ? [] : [credential];
      const target = stage.repository(backup, backup.path, { credentials });
      return {
        backup,
        target,
        signal,
        platforms: [],
        graphCopy: () => ({ target, limit, signal: never, consistencyWaitsMs: [1] }),
        credential: async () => credential,
        close: async () => undefined,
      };
    },
  };
}

async function makeCertificates(): Promise<AgentCertificates> {
  const [authority, other] = [
    await makeAuthority({ name: 'test', days: 1 }),
    await makeAuthority({ name: 'other', days: 1 }),
  ];
  const client = { names: ['client'], days: 1 };
  return {
    authority,
    agent: await makeServerCertificate(authority, { names: [AGENT_NAME], days: 1 }),
    client: await makeClientCertificate(authority, client),
    stranger: await makeClientCertificate(other, client),
  };
}
