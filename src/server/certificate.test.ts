import { X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { connect } from 'node:tls';
import { beforeAll, describe, expect, test } from 'vitest';
import { ask, type Peer } from '../../test/fakes/https-client.ts';
import {
  type LoopbackCertificate,
  makeLoopbackCertificate,
  signLoopbackCertificate,
} from '../../test/fakes/loopback-certificate.ts';
import { RecordingLogger } from '../../test/fakes/recording-logger.ts';
import { SecretMount } from '../../test/fakes/secret-mount.ts';
import { type ServedApp, serveApp } from '../../test/fakes/served-app.ts';
import { tempFolder } from '../../test/fakes/temp-folder.ts';
import { type CertificatePair, makeAuthority } from '../../tls/certificate.ts';
import { createMetrics } from '../telemetry/metrics.ts';
import { Certificate, type CertificateFiles } from './certificate.ts';

const DAY_MS = 86_400_000;

let authority: CertificatePair;
let first: LoopbackCertificate;
let second: LoopbackCertificate;
let stranger: LoopbackCertificate;
beforeAll(async () => {
  authority = await makeAuthority({ name: 'test authority', days: 30 });
  first = await signLoopbackCertificate(authority, 10);
  second = await signLoopbackCertificate(authority, 20);
  stranger = await makeLoopbackCertificate();
});

interface Scene {
  readonly mount: SecretMount;
  readonly files: CertificateFiles;
  readonly certificate: Certificate;
  readonly log: RecordingLogger;
  readonly metric: (name: string) => Promise<number>;
}

async function scene(now?: () => number): Promise<Scene> {
  const folder = await tempFolder();
  const mount = new SecretMount(folder);
  await mount.write({ 'tls.crt': first.cert, 'tls.key': first.key });
  const files = { certFile: join(folder, 'tls.crt'), keyFile: join(folder, 'tls.key') };
  const log = new RecordingLogger();
  const metrics = createMetrics({ version: '0' });
  const certificate = new Certificate({ files, log, metrics, ...(now !== undefined && { now }) });
  return {
    mount,
    files,
    certificate,
    log,
    metric: async (name) => {
      const { body } = await metrics.render();
      return Number(
        body
          .split('\n')
          .find((line) => line.startsWith(`image_cloner_${name} `))
          ?.split(' ')[1],
      );
    },
  };
}

function serialOf(pem: string): string {
  return new X509Certificate(pem).serialNumber;
}

/** Serial number of the certificate that a new connection meets. */
async function servedSerial({ port }: Peer): Promise<string> {
  const socket = connect({ host: '127.0.0.1', port, ca: [authority.certificate, stranger.ca] });
  await once(socket, 'secureConnect');
  const serial = socket.getPeerX509Certificate()?.serialNumber ?? '';
  socket.destroy();
  return serial;
}

function serving(): Promise<ServedApp> {
  return serveApp({ certificate: first });
}

describe('the certificate at the start', () => {
  test('is loaded, told with its end, and measured', async () => {
    const { certificate, log, metric } = await scene();
    const options = await certificate.load();
    expect(String(options.cert)).toBe(first.cert);
    expect(options.minVersion).toBe('TLSv1.2');
    const expires = new X509Certificate(first.cert).validToDate;
    expect(log.records).toMatchObject([
      { level: 'info', message: 'Certificate loaded', fields: { expires: expires.toISOString() } },
    ]);
    expect(await metric('certificate_expiry_timestamp_seconds')).toBe(expires.getTime() / 1000);
  });

  test.each([
    ['far from its end', 5 * DAY_MS, []],
    ['near its end', 8 * DAY_MS, ['Certificate expires soon or has expired']],
    ['past its end', 11 * DAY_MS, ['Certificate expires soon or has expired']],
  ])('%s warns: %j', async (_name, ahead, warnings) => {
    const { certificate, log } = await scene(() => Date.now() + ahead);
    await certificate.load();
    expect(log.messages('warn')).toEqual(warnings);
  });

  test.each<[string, Record<string, string>, object]>([
    ['missing', {}, { code: 'ENOENT' }],
    ['without key', { 'tls.crt': 'x' }, { code: 'ENOENT' }],
    ['empty', { 'tls.crt': '', 'tls.key': '' }, {}],
    ['no PEM', { 'tls.crt': 'hello', 'tls.key': 'there' }, {}],
  ])('%s is a fault that names both files and keeps the cause', async (_name, keys, cause) => {
    const { certificate, mount, files } = await scene();
    await mount.write(keys);
    await expect(certificate.load()).rejects.toMatchObject({
      code: 'BAD_CERTIFICATE',
      message: `Cannot use certificate "${files.certFile}" with key "${files.keyFile}"`,
      cause,
    });
  });

  test('with the key of another is a fault', async () => {
    const { certificate, mount } = await scene();
    await mount.write({ 'tls.crt': first.cert, 'tls.key': second.key });
    await expect(certificate.load()).rejects.toMatchObject({ code: 'BAD_CERTIFICATE' });
  });
});

describe('a new certificate', () => {
  test('is met by new connections while old ones go on', async () => {
    const { certificate, mount, log, metric } = await scene();
    await certificate.load();
    const app = await serving();
    const { Agent } = await import('node:https');
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    await ask(app, { path: '/livez', agent });
    await mount.write({ 'tls.crt': second.cert, 'tls.key': second.key });
    await certificate.refresh(app.server);
    expect(await servedSerial(app)).toBe(serialOf(second.cert));
    expect((await ask(app, { path: '/livez', agent })).status).toBe(200);
    agent.destroy();
    expect(log.messages()).toEqual(['Certificate loaded', 'Certificate reloaded']);
    expect(await metric('certificate_reloads_total{result="reloaded"}')).toBe(1);
    expect(await metric('certificate_expiry_timestamp_seconds')).toBe(
      new X509Certificate(second.cert).validToDate.getTime() / 1000,
    );
  });

  test('of another authority is taken as well', async () => {
    const { certificate, mount } = await scene();
    await certificate.load();
    const app = await serving();
    await mount.write({ 'tls.crt': stranger.cert, 'tls.key': stranger.key });
    await certificate.refresh(app.server);
    expect(await servedSerial(app)).toBe(serialOf(stranger.cert));
  });

  test('still refuses TLS older than 1.2', async () => {
    const { certificate, mount } = await scene();
    await certificate.load();
    const app = await serving();
    await mount.write({ 'tls.crt': second.cert, 'tls.key': second.key });
    await certificate.refresh(app.server);
    const socket = connect({
      host: '127.0.0.1',
      port: app.port,
      ca: app.ca,
      minVersion: 'TLSv1',
      maxVersion: 'TLSv1.1',
      ciphers: 'DEFAULT@SECLEVEL=0',
    });
    await expect(once(socket, 'secureConnect')).rejects.toHaveProperty('code');
  });

  test('that is the old one changes nothing and says nothing', async () => {
    const { certificate, mount, log } = await scene();
    await certificate.load();
    await mount.write({ 'tls.crt': first.cert, 'tls.key': first.key });
    const contexts: unknown[] = [];
    await certificate.refresh({ setSecureContext: (options) => contexts.push(options) });
    expect(contexts).toEqual([]);
    expect(log.messages()).toEqual(['Certificate loaded']);
  });

  const bad: [string, (folder: CertificateFiles) => Promise<void>][] = [
    ['gone', ({ certFile }) => rm(certFile)],
    ['half written', ({ certFile }) => writeFile(certFile, first.cert.slice(0, 200))],
    ['emptied', ({ certFile }) => writeFile(certFile, '')],
    ['without its new key', ({ certFile }) => writeFile(certFile, second.cert)],
    ['without its new certificate', ({ keyFile }) => writeFile(keyFile, second.key)],
    [
      'not a certificate',
      ({ certFile }) => writeFile(certFile, '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n'),
    ],
    ['with an empty key', ({ keyFile }) => writeFile(keyFile, '')],
  ];

  test.each(bad)(
    'that is %s leaves the one before in place, and is told and counted once',
    async (_name, spoil) => {
      const { certificate, files, log, metric } = await scene();
      await certificate.load();
      const app = await serving();
      await spoil(files);
      await certificate.refresh(app.server);
      await certificate.refresh(app.server);
      expect(await servedSerial(app)).toBe(serialOf(first.cert));
      expect(log.messages('error')).toEqual(['Certificate not reloaded, the one before is kept']);
      expect(await metric('certificate_reloads_total{result="failed"}')).toBe(1);
      expect(JSON.stringify(log.records)).not.toContain('PRIVATE KEY');
    },
  );

  test('that was bad is taken once it is whole', async () => {
    const { certificate, mount, files } = await scene();
    await certificate.load();
    const app = await serving();
    await writeFile(files.certFile, second.cert);
    await certificate.refresh(app.server);
    expect(await servedSerial(app)).toBe(serialOf(first.cert));
    await mount.write({ 'tls.crt': second.cert, 'tls.key': second.key });
    await certificate.refresh(app.server);
    expect(await servedSerial(app)).toBe(serialOf(second.cert));
  });
});

async function withAuthority(pem: string): Promise<Certificate> {
  const { files } = await scene();
  const caFile = `${files.certFile}.ca`;
  await writeFile(caFile, pem);
  const metrics = createMetrics({ version: '0' });
  return new Certificate({ files: { ...files, caFile }, log: new RecordingLogger(), metrics });
}

describe('authorities of clients', () => {
  test('are part of what is served', async () => {
    const certificate = await withAuthority(authority.certificate);
    expect(String((await certificate.load()).ca)).toBe(authority.certificate);
  });

  test.each([
    ['nothing', ''],
    ['no certificate', 'nonsense'],
    [
      'a certificate that cannot be decoded',
      '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n',
    ],
  ])('that are %s are a fault: nobody would get in', async (_what, pem) => {
    await expect((await withAuthority(pem)).load()).rejects.toMatchObject({ code: 'BAD_CERTIFICATE' });
  });
});
