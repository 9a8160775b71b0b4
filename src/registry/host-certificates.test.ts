import { mkdir, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { getCACertificates, setDefaultCACertificates } from 'node:tls';
import { describe, expect, onTestFinished, test } from 'vitest';
import { makeClientCertificate } from '../../test/fakes/client-certificate.ts';
import { type LoopbackCertificate, makeLoopbackCertificate } from '../../test/fakes/loopback-certificate.ts';
import type { RegistryOptions, ScriptedRegistry } from '../../test/fakes/scripted-registry.ts';
import { never, useStage } from '../../test/fakes/stage.ts';
import { tempFolder } from '../../test/fakes/temp-folder.ts';
import { makeImage } from '../../test/images/image.ts';
import { hostCertificatesIn } from './host-certificates.ts';

const stage = useStage();

/** Writes `certs.d/<host>` with these files. @returns `certs.d` */
async function certsDir(host: string, files: Readonly<Record<string, string>>): Promise<string> {
  const dir = await tempFolder();
  await put(join(dir, host), files);
  return dir;
}

async function put(folder: string, files: Readonly<Record<string, string>>): Promise<void> {
  await mkdir(folder, { recursive: true });
  for (const [name, text] of Object.entries(files)) await writeFile(join(folder, name), text);
}

describe('the certificates of a host', () => {
  test.each([
    ['registry.example.com', 'registry.example.com'],
    ['registry.example.com:443', 'registry.example.com'],
    ['registry.example.com:5000', 'registry.example.com:5000'],
    ['registry.example.com_5000', 'registry.example.com:5000'],
    ['docker.io', 'registry-1.docker.io'],
    ['[::1]:5000', '[::1]:5000'],
  ])('in the folder %s are for %s', async (folder, host) => {
    const find = hostCertificatesIn(await certsDir(folder, { 'ca.crt': 'authority' }));
    expect(await find(host)).toEqual({ authorities: ['authority'] });
  });

  test.each([
    ['registry.example.com', 'registry.example.com:5000'],
    ['registry.example.com:5000', 'registry.example.com'],
    ['example.com', 'registry.example.com'],
    ['registry.example.com', 'registry.example.com.evil.test'],
    ['a', '..'],
    ['a', '.'],
    ['a', 'a/../a'],
  ])('in the folder %s are not for %s', async (folder, host) => {
    const find = hostCertificatesIn(await certsDir(folder, { 'ca.crt': 'authority' }));
    expect(await find(host)).toBeUndefined();
  });

  test('are authorities in the order of their names, and the first client certificate that has a key', async () => {
    const files = {
      'b.crt': 'B',
      'a.crt': 'A',
      'alone.cert': '?',
      'client.cert': 'C',
      'client.key': 'K',
      x: '?',
    };
    const find = hostCertificatesIn(await certsDir('a.test', files));
    expect(await find('a.test')).toEqual({ authorities: ['A', 'B'], cert: 'C', key: 'K' });
  });

  test('are none where there is no folder', async () => {
    expect(await hostCertificatesIn('/nowhere')('a.test')).toBeUndefined();
  });

  test('are read anew each time', async () => {
    const dir = await certsDir('a.test', { 'ca.crt': 'old' });
    const find = hostCertificatesIn(dir);
    await find('a.test');
    await put(join(dir, 'a.test'), { 'ca.crt': 'new' });
    expect(await find('a.test')).toEqual({ authorities: ['new'] });
    await rm(join(dir, 'a.test'), { recursive: true });
    expect(await find('a.test')).toBeUndefined();
  });

  test('that cannot be read are a fault, not none', async () => {
    const dir = await tempFolder();
    await put(join(dir, 'a.test'), {});
    await symlink('/nowhere/else', join(dir, 'a.test', 'ca.crt'));
    await expect(hostCertificatesIn(dir)('a.test')).rejects.toMatchObject({ code: 'ENOENT' });
  });
});

async function start(
  certificate: LoopbackCertificate,
  more: Partial<NonNullable<RegistryOptions['tls']>> = {},
): Promise<ScriptedRegistry> {
  const { cert, key } = certificate;
  const images = [{ repository: 'team/app', tag: '1', image: await makeImage() }];
  return stage.registry({ images, tls: { cert, key, ...more } });
}

function resolve({ host }: ScriptedRegistry, dir?: string): Promise<unknown> {
  const options = {
    speaksPlainHttp: () => false,
    ...(dir !== undefined && { findCertificates: hostCertificatesIn(dir) }),
  };
  return stage.repository({ host }, 'team/app', options).resolve('1', never);
}

async function broken(): Promise<never> {
  throw new Error('asked');
}

describe('a registry with a certificate of its own authority', () => {
  test('is trusted by that authority, and by no other', async () => {
    const [certificate, other] = [await makeLoopbackCertificate(), await makeLoopbackCertificate()];
    const registry = await start(certificate);
    await expect(resolve(registry)).rejects.toMatchObject({ code: 'UNTRUSTED' });
    await expect(
      resolve(registry, await certsDir(registry.host, { 'ca.crt': other.ca })),
    ).rejects.toMatchObject({
      code: 'UNTRUSTED',
    });
    await expect(
      resolve(registry, await certsDir('other.test', { 'ca.crt': certificate.ca })),
    ).rejects.toMatchObject({
      code: 'UNTRUSTED',
    });
    expect(
      await resolve(registry, await certsDir(registry.host, { 'ca.crt': certificate.ca })),
    ).toHaveProperty('digest');
  });

  test('does not take the place of those of the system', async () => {
    const [known, own] = [await makeLoopbackCertificate(), await makeLoopbackCertificate()];
    const before = getCACertificates('default');
    onTestFinished(() => setDefaultCACertificates(before));
    setDefaultCACertificates([known.ca]);
    const registry = await start(known);
    expect(await resolve(registry, await certsDir(registry.host, { 'ca.crt': own.ca }))).toHaveProperty(
      'digest',
    );
  });

  test('is not looked up where there is no TLS: what is broken there harms nobody', async () => {
    const images = [{ repository: 'team/app', tag: '1', image: await makeImage() }];
    const registry = await stage.registry({ images });
    const app = stage.repository(registry, 'team/app', { findCertificates: broken });
    expect(await app.resolve('1', never)).toHaveProperty('digest');
  });

  test('learns who we are by the client certificate, which no other registry sees', async () => {
    const [certificate, client] = [
      await makeLoopbackCertificate(),
      await makeClientCertificate('image-cloner'),
    ];
    const strict = { ca: client.cert, requestCert: true };
    const [registry, other] = [await start(certificate, strict), await start(certificate, strict)];
    const authority = { 'ca.crt': certificate.ca };
    const dir = await certsDir(registry.host, {
      ...authority,
      'client.cert': client.cert,
      'client.key': client.key,
    });
    await put(join(dir, other.host), authority);
    expect(await resolve(registry, dir)).toHaveProperty('digest');
    await expect(resolve(other, dir)).rejects.toMatchObject({ code: 'UNREACHABLE' });
    expect(other.requests()).toEqual([]);
  });

  test('is trusted by a new authority from the next connection on', async () => {
    const certificate = await makeLoopbackCertificate();
    const registry = await start(certificate);
    const dir = await certsDir(registry.host, {});
    const client = stage.client({ speaksPlainHttp: () => false, findCertificates: hostCertificatesIn(dir) });
    const repository = stage.repository(registry, 'team/app', { client });
    await expect(repository.resolve('1', never)).rejects.toMatchObject({ code: 'UNTRUSTED' });
    await put(join(dir, registry.host), { 'ca.crt': certificate.ca });
    expect(await repository.resolve('1', never)).toHaveProperty('digest');
  });
});
