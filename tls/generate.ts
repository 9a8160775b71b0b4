import { X509Certificate } from 'node:crypto';
import { dirname, join } from 'node:path';
import { type Authority, chooseAuthority, keepAuthority } from './authority.ts';
import { type CertificatePair, makeClientCertificate, makeServerCertificate } from './certificate.ts';
import {
  isOpenToOthers,
  makeFolder,
  makePrivateFolder,
  PRIVATE,
  PUBLIC,
  readIfPresent,
  replaceFile,
} from './file.ts';
import { GenError } from './gen-error.ts';
import { secretManifest, webhookManifest } from './manifest.ts';
import { AGENT_SERVICE, agentNamespace, serverNames } from './service.ts';
import type { Wishes } from './wishes.ts';

export interface Generated {
  readonly authority: Authority;
  readonly authorityValidTo: Date;
  readonly names: readonly string[];
  readonly serverValidTo: Date;
  /** Whether the key of the authority was there before, and not for its owner alone. */
  readonly keyWasOpen: boolean;
}

/** Where everything is, seen from the root of the checkout. None of these files is ever committed. */
export const PATHS = {
  authority: 'tls/out/ca.crt',
  authorityKey: 'tls/out/ca.key',
  server: 'tls/out/tls.crt',
  serverKey: 'tls/out/tls.key',
  agent: 'tls/out/agent.crt',
  agentKey: 'tls/out/agent.key',
  client: 'tls/out/client.crt',
  clientKey: 'tls/out/client.key',
  secret: 'deploy/image-cloner-tls.yaml',
  agentSecret: 'deploy/agent/image-cloner-agent-tls.yaml',
  clientSecret: 'deploy/agent/image-cloner-agents.yaml',
  webhook: 'deploy/image-cloner-webhook.yaml',
} as const;

/** Makes a server certificate, by the authority that is there or a new one, and the two manifests that hold them. */
export async function generate(wishes: Wishes): Promise<Generated> {
  const { root, service, days } = wishes;
  const files = { certificate: join(root, PATHS.authority), key: join(root, PATHS.authorityKey) };
  const template = await readTemplate(`${join(root, PATHS.webhook)}.template`);
  await makePrivateFolder(dirname(files.key));
  const keyWasOpen = await isOpenToOthers(files.key);
  const authority = await chooseAuthority(files, wishes);
  const names = serverNames(service);
  const server = await makeServerCertificate(authority, { names, days });
  await keepAuthority(files, authority);
  await keepPair(root, { certificate: PATHS.server, key: PATHS.serverKey }, server);
  const secret = { name: 'image-cloner-tls', namespace: service.namespace, component: 'webhook' } as const;
  await replaceFile(join(root, PATHS.secret), secretManifest(secret, server), PRIVATE);
  await generateForAgents(wishes, authority);
  await replaceFile(join(root, PATHS.webhook), webhookManifest(template, service, authority.trusted), PUBLIC);
  return {
    authority,
    authorityValidTo: validTo(authority),
    names,
    serverValidTo: validTo(server),
    keyWasOpen,
  };
}

async function readTemplate(path: string): Promise<string> {
  const template = await readIfPresent(path);
  if (template !== undefined) return template;
  throw new GenError('CANNOT_READ', `read "${path}": ENOENT, want a checkout of image-cloner`);
}

/** For the agents of the nodes (`deploy/agent/`): what they serve, and what the webhook asks them with. */
async function generateForAgents({ root, service, days }: Wishes, authority: Authority): Promise<void> {
  const namespace = agentNamespace(service);
  const names = serverNames({ name: AGENT_SERVICE, namespace });
  const agent = await makeServerCertificate(authority, { names, days });
  const client = await makeClientCertificate(authority, { names: [`${service.name}-client`], days });
  await keepPair(root, { certificate: PATHS.agent, key: PATHS.agentKey }, agent);
  await keepPair(root, { certificate: PATHS.client, key: PATHS.clientKey }, client);
  await makeFolder(dirname(join(root, PATHS.agentSecret)));
  const served = { name: 'image-cloner-agent-tls', namespace, component: 'agent' } as const;
  const asked = { name: 'image-cloner-agents', namespace: service.namespace, component: 'webhook' } as const;
  await replaceFile(join(root, PATHS.agentSecret), secretManifest(served, agent, authority.trusted), PRIVATE);
  await replaceFile(
    join(root, PATHS.clientSecret),
    secretManifest(asked, client, authority.trusted),
    PRIVATE,
  );
}

async function keepPair(
  root: string,
  paths: { readonly certificate: string; readonly key: string },
  { certificate, key }: CertificatePair,
): Promise<void> {
  await replaceFile(join(root, paths.key), key, PRIVATE);
  await replaceFile(join(root, paths.certificate), certificate, PUBLIC);
}

function validTo(pair: CertificatePair): Date {
  return new X509Certificate(pair.certificate).validToDate;
}
