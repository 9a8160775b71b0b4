// oxlint-disable-next-line import/no-unassigned-import -- what the certificate library expects to find
import './reflect.ts';
import { createPrivateKey, KeyObject, webcrypto } from 'node:crypto';
import { isIP } from 'node:net';
import {
  AuthorityKeyIdentifierExtension,
  BasicConstraintsExtension,
  ExtendedKeyUsage,
  ExtendedKeyUsageExtension,
  type Extension,
  KeyUsageFlags,
  KeyUsagesExtension,
  Name,
  SubjectAlternativeNameExtension,
  SubjectKeyIdentifierExtension,
  X509Certificate,
  X509CertificateGenerator,
} from '@peculiar/x509';

/** A certificate and the private key that belongs to it, both as PEM (the key in PKCS #8). */
export interface CertificatePair {
  readonly certificate: string;
  readonly key: string;
}

export interface AuthorityOptions {
  /** The subject's common name. */
  readonly name: string;
  /** Days of validity from now. */
  readonly days: number;
}

export interface ServerOptions {
  /** DNS names and IP addresses, without ports. */
  readonly names: readonly string[];
  /** Days of validity from now. */
  readonly days: number;
}

/** P-256 with SHA-256 is what every TLS 1.2 and 1.3 client verifies, the API server among them. */
const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const;

const DAY_MS = 24 * 60 * 60 * 1000;

/** How far the clock of a peer may lag before a fresh certificate seems to be one of the future. */
const CLOCK_SKEW_MS = 5 * 60 * 1000;

/** Makes a self-signed authority that signs server certificates directly (path length 0, RFC 5280 section 4.2.1.9). */
export async function makeAuthority(options: AuthorityOptions): Promise<CertificatePair> {
  const keys = await makeKeys();
  const certificate = await X509CertificateGenerator.createSelfSigned({
    // Typed, because a plain string would be read as the notation of RFC 4514, quotes and escapes included.
    name: new Name([{ CN: [{ utf8String: options.name }] }]),
    keys,
    signingAlgorithm: ALGORITHM,
    ...validity(options.days),
    extensions: [
      new BasicConstraintsExtension(true, 0, true),
      new KeyUsagesExtension(KeyUsageFlags.keyCertSign | KeyUsageFlags.cRLSign, true),
      await SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  });
  return pair(certificate, keys.privateKey);
}

/** Makes a server certificate signed by `authority`; the API server asks for the name `<service>.<namespace>.svc`. */
export function makeServerCertificate(
  authority: CertificatePair,
  options: ServerOptions,
): Promise<CertificatePair> {
  return makeCertificate(authority, options, ExtendedKeyUsage.serverAuth);
}

/** Makes a certificate by which a client is known to a server; it is good for nothing else, nor is another for this. */
export function makeClientCertificate(
  authority: CertificatePair,
  options: ServerOptions,
): Promise<CertificatePair> {
  return makeCertificate(authority, options, ExtendedKeyUsage.clientAuth);
}

async function makeCertificate(
  authority: CertificatePair,
  options: ServerOptions,
  usage: ExtendedKeyUsage,
): Promise<CertificatePair> {
  const keys = await makeKeys();
  const issuer = new X509Certificate(authority.certificate);
  const certificate = await X509CertificateGenerator.create({
    // No common name: it ends at 64 characters, a service with its namespace does not, and clients read the SAN.
    subject: [{ O: ['image-cloner'] }],
    issuer: issuer.subjectName,
    publicKey: keys.publicKey,
    signingKey: signingKey(authority.key),
    signingAlgorithm: ALGORITHM,
    ...validity(options.days),
    extensions: await leafExtensions(keys.publicKey, issuer, { names: options.names, usage }),
  });
  return pair(certificate, keys.privateKey);
}

async function leafExtensions(
  publicKey: webcrypto.CryptoKey,
  issuer: X509Certificate,
  { names, usage }: { readonly names: readonly string[]; readonly usage: ExtendedKeyUsage },
): Promise<Extension[]> {
  return [
    new BasicConstraintsExtension(false, undefined, true),
    new KeyUsagesExtension(KeyUsageFlags.digitalSignature, true),
    new ExtendedKeyUsageExtension([usage]),
    new SubjectAlternativeNameExtension(
      names.map((value) => ({ type: isIP(value) === 0 ? 'dns' : 'ip', value })),
    ),
    await SubjectKeyIdentifierExtension.create(publicKey),
    await AuthorityKeyIdentifierExtension.create(issuer.publicKey),
  ];
}

function makeKeys(): Promise<webcrypto.CryptoKeyPair> {
  return webcrypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify']);
}

function signingKey(key: string): webcrypto.CryptoKey {
  return createPrivateKey(key).toCryptoKey(ALGORITHM, false, ['sign']);
}

function validity(days: number): { notBefore: Date; notAfter: Date } {
  const now = Date.now();
  return { notBefore: new Date(now - CLOCK_SKEW_MS), notAfter: new Date(now + days * DAY_MS) };
}

function pair(certificate: X509Certificate, key: webcrypto.CryptoKey): CertificatePair {
  return {
    certificate: `${certificate.toString('pem')}\n`,
    key: KeyObject.from(key).export({ type: 'pkcs8', format: 'pem' }).toString(),
  };
}
