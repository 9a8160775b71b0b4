import { X509Certificate } from 'node:crypto';
import { dirname, join } from 'node:path';
import { type Authority, chooseAuthority, keepAuthority } from './authority.ts';
import { type CertificatePair, makeServerCertificate } from './certificate.ts';
import { isOpenToOthers, makePrivateFolder, PRIVATE, PUBLIC, readIfPresent, replaceFile } from './file.ts';
import { GenError } from './gen-error.ts';
import { secretManifest, webhookManifest } from './manifest.ts';
import { serverNames } from './service.ts';
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
  secret: 'deploy/image-cloner-tls.yaml',
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
  await keepServer(root, server);
  await replaceFile(join(root, PATHS.secret), secretManifest(service.namespace, server), PRIVATE);
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

async function keepServer(root: string, server: CertificatePair): Promise<void> {
  await replaceFile(join(root, PATHS.serverKey), server.key, PRIVATE);
  await replaceFile(join(root, PATHS.server), server.certificate, PUBLIC);
}

function validTo(pair: CertificatePair): Date {
  return new X509Certificate(pair.certificate).validToDate;
}
