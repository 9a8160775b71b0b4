import { createPrivateKey, X509Certificate } from 'node:crypto';
import { chmod, copyFile, mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { makeAuthority, makeServerCertificate } from './certificate.ts';
import { type Generated, generate } from './generate.ts';
import { parseWishes } from './wishes.ts';

/** A checkout of its own, which has only the template. */
let root: string;

const TEMPLATE = fileURLToPath(new URL('../deploy/image-cloner-webhook.yaml.template', import.meta.url));

const DAY_MS = 86_400_000;

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'image-cloner-gen-'));
  await mkdir(join(root, 'deploy'));
  await copyFile(TEMPLATE, join(root, 'deploy/image-cloner-webhook.yaml.template'));
});

afterEach(async () => {
  await rm(root, { recursive: true });
});

async function gen(...args: string[]): Promise<Generated> {
  const wishes = parseWishes(['--root', root, ...args]);
  if (wishes === undefined) throw new Error('gen: no wishes');
  return await generate(wishes);
}

function read(path: string): Promise<string> {
  return readFile(join(root, path), 'utf8');
}

async function readCertificate(path: string): Promise<X509Certificate> {
  return new X509Certificate(await read(path));
}

interface Webhook {
  readonly clientConfig: { readonly caBundle: string; readonly service: Record<string, unknown> };
  readonly namespaceSelector: { readonly matchExpressions: [{ readonly values: string[] }] };
}

async function readWebhook(): Promise<Webhook> {
  const configuration: { webhooks: [Webhook] } = parse(await read('deploy/image-cloner-webhook.yaml'));
  return configuration.webhooks[0];
}

async function readBundle(): Promise<string[]> {
  const text = Buffer.from((await readWebhook()).clientConfig.caBundle, 'base64').toString();
  return text.split(/(?<=-----END CERTIFICATE-----\n)/);
}

async function readServed(): Promise<{ certificate: X509Certificate; key: string }> {
  const secret: { data: Record<string, string> } = parse(await read('deploy/image-cloner-tls.yaml'));
  const [certificate, key] = ['tls.crt', 'tls.key'].map((name) =>
    Buffer.from(secret.data[name] ?? '', 'base64'),
  );
  return { certificate: new X509Certificate(certificate ?? ''), key: String(key) };
}

/** Whether a client that trusts the bundle accepts what is served. */
async function isTrusted(served: X509Certificate): Promise<boolean> {
  return (await readBundle()).some((pem) => {
    const authority = new X509Certificate(pem);
    return served.checkIssued(authority) && served.verify(authority.publicKey);
  });
}

async function place(days: number): Promise<string> {
  const authority = await makeAuthority({ name: 'earlier', days });
  await mkdir(join(root, 'tls/out'), { recursive: true });
  await writeFile(join(root, 'tls/out/ca.crt'), authority.certificate);
  await writeFile(join(root, 'tls/out/ca.key'), authority.key, { mode: 0o600 });
  return authority.certificate;
}

describe('the first run', () => {
  it('writes an authority, a certificate of the service, and the manifests that fit together', async () => {
    await gen('--namespace', 'tools');
    const served = await readServed();
    expect(served.certificate.subjectAltName).toBe(
      'DNS:image-cloner.tools.svc, DNS:image-cloner.tools.svc.cluster.local, DNS:image-cloner',
    );
    expect(served.certificate.checkPrivateKey(createPrivateKey(served.key))).toBe(true);
    expect(await readBundle()).toEqual([await read('tls/out/ca.crt')]);
    expect(await isTrusted(served.certificate)).toBe(true);
    expect(served.certificate.fingerprint256).toBe((await readCertificate('tls/out/tls.crt')).fingerprint256);
    expect(served.key).toBe(await read('tls/out/tls.key'));
  });

  it.each([
    ['image-cloner-agent-tls', 'tools-agents', 'agent', 'agent'],
    ['image-cloner-agents', 'tools', 'client', 'webhook'],
  ])(
    'writes the Secret %s in %s, by which the other side is believed as well',
    async (name, namespace, file, component) => {
      await gen('--namespace', 'tools');
      const secret: { data: Record<string, string>; metadata: object } = parse(
        await read(`deploy/agent/${name}.yaml`),
      );
      expect(secret.metadata).toMatchObject({
        name,
        namespace,
        labels: { 'app.kubernetes.io/component': component },
      });
      const held = ['tls.crt', 'tls.key', 'ca.crt'].map((key) =>
        Buffer.from(secret.data[key] ?? '', 'base64').toString(),
      );
      expect(held).toEqual(
        await Promise.all([`${file}.crt`, `${file}.key`, 'ca.crt'].map((one) => read(`tls/out/${one}`))),
      );
      expect(await isTrusted(new X509Certificate(held[0] ?? ''))).toBe(true);
    },
  );

  it('gives agents the name that they are asked by, and the webhook none that a server has', async () => {
    await gen('--namespace', 'tools');
    expect((await readCertificate('tls/out/agent.crt')).subjectAltName).toBe(
      'DNS:image-cloner-agent.tools-agents.svc, DNS:image-cloner-agent.tools-agents.svc.cluster.local, DNS:image-cloner-agent',
    );
    const client = await readCertificate('tls/out/client.crt');
    expect([client.subjectAltName, client.keyUsage]).toEqual([
      'DNS:image-cloner-client',
      ['1.3.6.1.5.5.7.3.2'],
    ]);
  });

  it('lets agents and webhook trust an earlier authority until it is dropped', async () => {
    await gen();
    await gen('--new-authority');
    for (const name of ['image-cloner-agent-tls', 'image-cloner-agents']) {
      const secret: { data: Record<string, string> } = parse(await read(`deploy/agent/${name}.yaml`));
      const authorities = Buffer.from(secret.data['ca.crt'] ?? '', 'base64').toString();
      expect(authorities).toBe((await readBundle()).join(''));
    }
  });

  it('writes a Secret that the deployment mounts', async () => {
    await gen('--namespace', 'tools');
    expect(parse(await read('deploy/image-cloner-tls.yaml'))).toMatchObject({
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { name: 'image-cloner-tls', namespace: 'tools' },
      type: 'kubernetes.io/tls',
    });
  });

  it('writes a webhook configuration that calls the service and leaves its namespace alone', async () => {
    await gen('--namespace', 'tools', '--name', 'cloner');
    const template: { webhooks: [Webhook] } = parse(await readFile(TEMPLATE, 'utf8'));
    const webhook = await readWebhook();
    expect(webhook.clientConfig.service).toMatchObject({
      name: 'cloner',
      namespace: 'tools',
      path: '/clone-image',
    });
    const namespaces = webhook.namespaceSelector.matchExpressions[0].values;
    expect(namespaces).toEqual(['tools', 'kube-system', 'kube-public', 'kube-node-lease']);
    // All the rest is as the template has it.
    expect({ ...webhook, clientConfig: 0, namespaceSelector: 0 }).toEqual({
      ...template.webhooks[0],
      clientConfig: 0,
      namespaceSelector: 0,
    });
  });
});

describe('a later run', () => {
  it('serves a new certificate and leaves the webhook configuration as it is', async () => {
    await gen();
    const before = { served: await readServed(), webhook: await read('deploy/image-cloner-webhook.yaml') };
    const { authority } = await gen();
    const served = await readServed();
    expect(authority.kept).toBe(true);
    expect(await read('deploy/image-cloner-webhook.yaml')).toBe(before.webhook);
    expect(served.certificate.serialNumber).not.toBe(before.served.certificate.serialNumber);
    expect(served.key).not.toBe(before.served.key);
    expect(await isTrusted(served.certificate)).toBe(true);
  });

  it('with --new-authority trusts the new and the old one, so that both certificates are accepted meanwhile', async () => {
    await gen();
    const [old, served] = [await read('tls/out/ca.crt'), await readServed()];
    await gen('--new-authority');
    const [fresh, second] = await readBundle();
    expect(second).toBe(old);
    expect(fresh).not.toBe(old);
    expect(await isTrusted(served.certificate)).toBe(true);
    expect((await readServed()).certificate.verify(new X509Certificate(fresh ?? '').publicKey)).toBe(true);
  });

  it('keeps trusting the old authority until it is told to drop it', async () => {
    await gen();
    await gen('--new-authority');
    const [fresh] = await readBundle();
    await gen();
    expect(await readBundle()).toHaveLength(2);
    await gen('--drop-old');
    expect(await readBundle()).toEqual([fresh]);
    expect(await isTrusted((await readServed()).certificate)).toBe(true);
  });

  it('trusts all of three authorities that were in use in turn', async () => {
    await gen();
    await gen('--new-authority');
    await gen('--new-authority');
    expect(new Set(await readBundle()).size).toBe(3);
  });

  it('makes the modes narrow again, and says that the key of the authority was open', async () => {
    await gen();
    await chmod(join(root, 'tls/out'), 0o755);
    for (const file of ['ca.key', 'tls.key']) await chmod(join(root, 'tls/out', file), 0o644);
    await chmod(join(root, 'deploy/image-cloner-tls.yaml'), 0o666);
    expect((await gen()).keyWasOpen).toBe(true);
    for (const path of ['tls/out', 'tls/out/ca.key', 'tls/out/tls.key', 'deploy/image-cloner-tls.yaml']) {
      expect((await stat(join(root, path))).mode & 0o077).toBe(0);
    }
    expect((await gen()).keyWasOpen).toBe(false);
  });

  it('makes a new authority when the key of the old one is gone, and still trusts that one', async () => {
    await gen();
    const served = await readServed();
    await rm(join(root, 'tls/out/ca.key'));
    expect((await gen()).authority.kept).toBe(false);
    expect(await readBundle()).toHaveLength(2);
    expect(await isTrusted(served.certificate)).toBe(true);
  });
});

describe('an authority that is there already', () => {
  it('signs when it lasts as long as the certificate', async () => {
    const earlier = await place(31);
    await gen('--days', '30');
    expect(await readBundle()).toEqual([earlier]);
  });

  it('is followed by a new one when the certificate would outlive it', async () => {
    const earlier = await place(29);
    await gen('--days', '30');
    expect(await readBundle()).toEqual([expect.not.stringContaining(earlier), earlier]);
    expect((await readCertificate('tls/out/ca.crt')).validToDate.getTime()).toBeGreaterThan(
      Date.now() + 30 * DAY_MS,
    );
  });

  it('is forgotten once it is no longer valid', async () => {
    await place(-1);
    await gen();
    expect(await readBundle()).toHaveLength(1);
  });

  it.each([
    ['ca.crt', 'nonsense'],
    ['ca.crt', '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n'],
    ['ca.key', 'nonsense'],
    ['ca.key', ''],
  ])('stops the run when %s is %j, and nothing is changed', async (file, content) => {
    await place(1000);
    await writeFile(join(root, 'tls/out', file), content);
    const before = await Promise.all(['tls/out/ca.crt', 'tls/out/ca.key'].map(read));
    await expect(gen()).rejects.toMatchObject({
      code: 'BAD_AUTHORITY',
      message: expect.stringContaining(`use the authority in "${join(root, 'tls/out', file)}": found`),
    });
    expect(await Promise.all(['tls/out/ca.crt', 'tls/out/ca.key'].map(read))).toEqual(before);
    expect(await readdir(join(root, 'deploy'))).toEqual(['image-cloner-webhook.yaml.template']);
  });

  it('stops the run when its key is that of another, until a new one is asked for', async () => {
    await place(1000);
    const other = await makeServerCertificate(await makeAuthority({ name: 'x', days: 1 }), {
      names: ['x'],
      days: 1,
    });
    await writeFile(join(root, 'tls/out/ca.key'), other.key);
    await expect(gen()).rejects.toThrow('found the key of another certificate');
    await gen('--new-authority');
    expect(await isTrusted((await readServed()).certificate)).toBe(true);
  });

  it('looks at the authority that signs, also when an earlier one outlives it', async () => {
    const earlier = await place(1000);
    await place(20);
    await writeFile(join(root, 'tls/out/ca.crt'), (await read('tls/out/ca.crt')) + earlier);
    const before = await read('tls/out/ca.crt');
    await gen('--days', '30');
    expect((await readBundle()).slice(1).join('')).toBe(before);
  });
});

describe('what cannot be done', () => {
  it('says which folder is in the way', async () => {
    await mkdir(join(root, 'tls'));
    await writeFile(join(root, 'tls/out'), '');
    await expect(gen()).rejects.toThrow(`make the folder "${join(root, 'tls/out')}": EEXIST`);
  });

  it.each([
    'tls/out/ca.key',
    'tls/out/ca.crt',
    'tls/out/tls.key',
    'tls/out/tls.crt',
    'deploy/image-cloner-tls.yaml',
    'deploy/image-cloner-webhook.yaml',
  ])('says that %s cannot be written', async (path) => {
    await mkdir(join(root, path), { recursive: true });
    await expect(gen()).rejects.toMatchObject({
      code: expect.stringMatching('^CANNOT_(READ|WRITE)$'),
      message: expect.stringContaining(`"${join(root, path)}": EISDIR`),
    });
  });

  it('says that there is no checkout, and makes none', async () => {
    await rm(join(root, 'deploy'), { recursive: true });
    await expect(gen()).rejects.toThrow('want a checkout of image-cloner');
    expect(await readdir(root)).toEqual([]);
  });
});
