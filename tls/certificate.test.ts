import { createPrivateKey, X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { createServer, connect as tlsConnect } from 'node:tls';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type CertificatePair, makeAuthority, makeServerCertificate } from './certificate.ts';

const DAY_MS = 86_400_000;

/** The usages Node reads from the extended key usage extension (RFC 5280 section 4.2.1.12). */
const SERVER_AUTH = '1.3.6.1.5.5.7.3.1';

function parse(pair: CertificatePair): X509Certificate {
  return new X509Certificate(pair.certificate);
}

/** Whether the extension with this object identifier, given as DER, is present and critical. */
function isCritical(pair: CertificatePair, oid: readonly number[]): boolean {
  const marker = Buffer.from([0x06, oid.length, ...oid]);
  const raw = parse(pair).raw;
  const at = raw.indexOf(marker);
  return (
    at >= 0 && raw.subarray(at + marker.length, at + marker.length + 3).equals(Buffer.from([1, 1, 0xff]))
  );
}

const BASIC_CONSTRAINTS = [0x55, 0x1d, 0x13];
const KEY_USAGE = [0x55, 0x1d, 0x0f];

async function handshake(server: CertificatePair, trusted: string, servername: string): Promise<string> {
  const listener = createServer({ cert: server.certificate, key: server.key }, (socket) =>
    socket.end('hello'),
  );
  listener.on('tlsClientError', () => undefined);
  listener.listen(0, '127.0.0.1');
  await once(listener, 'listening');
  const address = listener.address();
  if (address === null || typeof address === 'string') throw new Error('listen: no port');
  const socket = tlsConnect({ host: '127.0.0.1', port: address.port, ca: trusted, servername });
  try {
    await once(socket, 'secureConnect');
    return socket.getProtocol() ?? 'none';
  } finally {
    socket.destroy();
    listener.close();
  }
}

describe('makeAuthority', () => {
  it('makes a self-signed authority that may only sign certificates', async () => {
    const authority = await makeAuthority({ name: 'test authority', days: 3 });
    const certificate = parse(authority);
    expect(certificate.ca).toBe(true);
    expect(certificate.subject).toBe('CN=test authority');
    expect(certificate.issuer).toBe(certificate.subject);
    expect(certificate.verify(certificate.publicKey)).toBe(true);
    expect(isCritical(authority, BASIC_CONSTRAINTS)).toBe(true);
    expect(isCritical(authority, KEY_USAGE)).toBe(true);
  });

  it('gives the key that belongs to the certificate, on the curve P-256', async () => {
    const authority = await makeAuthority({ name: 'test', days: 1 });
    const key = createPrivateKey(authority.key);
    expect(parse(authority).checkPrivateKey(key)).toBe(true);
    expect(key.asymmetricKeyDetails).toEqual({ namedCurve: 'prime256v1' });
  });

  it.each([1, 365, 3650, 10_000])('is valid from a little ago until %i days from now', async (days) => {
    const before = Date.now();
    const certificate = parse(await makeAuthority({ name: 'test', days }));
    const after = Date.now();
    // The encoding has whole seconds.
    expect(certificate.validFromDate.getTime()).toBeGreaterThan(before - 10 * 60_000);
    expect(certificate.validFromDate.getTime()).toBeLessThan(before - 60_000);
    expect(certificate.validToDate.getTime()).toBeGreaterThan(before + days * DAY_MS - 1000);
    expect(certificate.validToDate.getTime()).toBeLessThanOrEqual(after + days * DAY_MS);
  });

  it.each(['a, O=evil', 'CN=x', 'a+b="c"', '#0500', ' a\\,b ', 'näme', '<&>'])(
    'takes %j as a name, never as more',
    async (name) => {
      const legacy = parse(await makeAuthority({ name, days: 1 })).toLegacyObject();
      expect(legacy.subject).toEqual({ CN: name });
    },
  );

  it('gives a new key and a new serial number each time', async () => {
    const made = await Promise.all([1, 2, 3, 4].map(() => makeAuthority({ name: 'same', days: 1 })));
    expect(new Set(made.map((pair) => pair.key)).size).toBe(4);
    expect(new Set(made.map((pair) => parse(pair).serialNumber)).size).toBe(4);
  });
});

describe('makeServerCertificate', () => {
  it('is signed by its authority and by no other', async () => {
    const [ours, other] = await Promise.all([
      makeAuthority({ name: 'same name', days: 2 }),
      makeAuthority({ name: 'same name', days: 2 }),
    ]);
    const server = parse(await makeServerCertificate(ours, { names: ['a.b.svc'], days: 1 }));
    expect(server.verify(parse(ours).publicKey)).toBe(true);
    expect(server.checkIssued(parse(ours))).toBe(true);
    expect(server.verify(parse(other).publicKey)).toBe(false);
    // Same subject, other key: the authority key identifier tells them apart.
    expect(server.checkIssued(parse(other))).toBe(false);
  });

  it('may serve TLS and nothing else', async () => {
    const authority = await makeAuthority({ name: 'test', days: 2 });
    const pair = await makeServerCertificate(authority, { names: ['a.b.svc'], days: 1 });
    expect(parse(pair).ca).toBe(false);
    expect(parse(pair).keyUsage).toEqual([SERVER_AUTH]);
    expect(isCritical(pair, BASIC_CONSTRAINTS)).toBe(true);
    expect(isCritical(pair, KEY_USAGE)).toBe(true);
    expect(parse(pair).checkPrivateKey(createPrivateKey(pair.key))).toBe(true);
  });

  it('names hosts as DNS names and addresses as addresses', async () => {
    const authority = await makeAuthority({ name: 'test', days: 2 });
    const names = ['image-cloner.x.svc', 'localhost', '127.0.0.1', '::1'];
    const server = parse(await makeServerCertificate(authority, { names, days: 1 }));
    expect(server.subjectAltName).toBe(
      'DNS:image-cloner.x.svc, DNS:localhost, IP Address:127.0.0.1, IP Address:0:0:0:0:0:0:0:1',
    );
    expect(server.checkIP('127.0.0.1')).toBe('127.0.0.1');
    expect(server.checkHost('127.0.0.1')).toBeUndefined();
    expect(server.checkHost('image-cloner.y.svc')).toBeUndefined();
  });

  it('holds for every name of a service, however long its namespace is', async () => {
    const authority = await makeAuthority({ name: 'test', days: 2 });
    const label = fc.stringMatching(/^[a-z]([a-z0-9-]{0,61}[a-z0-9])?$/);
    await fc.assert(
      fc.asyncProperty(label, label, async (service, namespace) => {
        const name = `${service}.${namespace}.svc`;
        const server = parse(await makeServerCertificate(authority, { names: [name], days: 1 }));
        expect(server.checkHost(name)).toBe(name);
      }),
      { numRuns: 25 },
    );
  });
});

describe('a TLS handshake', () => {
  it('succeeds for a client that trusts the authority and asks for the name', async () => {
    const authority = await makeAuthority({ name: 'test', days: 2 });
    const server = await makeServerCertificate(authority, { names: ['image-cloner.x.svc'], days: 1 });
    await expect(handshake(server, authority.certificate, 'image-cloner.x.svc')).resolves.toBe('TLSv1.3');
  });

  it('fails for another name and for another authority', async () => {
    const authority = await makeAuthority({ name: 'test', days: 2 });
    const other = await makeAuthority({ name: 'test', days: 2 });
    const server = await makeServerCertificate(authority, { names: ['image-cloner.x.svc'], days: 1 });
    await expect(handshake(server, authority.certificate, 'image-cloner.y.svc')).rejects.toMatchObject({
      code: 'ERR_TLS_CERT_ALTNAME_INVALID',
    });
    await expect(handshake(server, other.certificate, 'image-cloner.x.svc')).rejects.toMatchObject({
      code: expect.stringMatching(/UNABLE_TO_VERIFY|SELF_SIGNED|SIGNATURE/),
    });
  });

  it('succeeds for both authorities of a bundle of the same name, whichever comes first', async () => {
    const [old, fresh] = await Promise.all([
      makeAuthority({ name: 'same name', days: 2 }),
      makeAuthority({ name: 'same name', days: 2 }),
    ]);
    for (const authority of [old, fresh]) {
      const server = await makeServerCertificate(authority, { names: ['x.y.svc'], days: 1 });
      for (const bundle of [old.certificate + fresh.certificate, fresh.certificate + old.certificate]) {
        await expect(handshake(server, bundle, 'x.y.svc')).resolves.toBe('TLSv1.3');
      }
    }
  });
});
