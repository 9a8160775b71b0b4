import { createPrivateKey, X509Certificate } from 'node:crypto';
import { type CertificatePair, makeAuthority } from './certificate.ts';
import { PRIVATE, PUBLIC, readIfPresent, replaceFile } from './file.ts';
import { GenError } from './gen-error.ts';

/** The authority that signs now, and all that the API server is to trust. */
export interface Authority extends CertificatePair {
  /** Whether it was there before. */
  readonly kept: boolean;
  /** PEM of this authority, then of the earlier ones whose server certificates may still be served. */
  readonly trusted: readonly string[];
}

export interface AuthorityFiles {
  readonly certificate: string;
  readonly key: string;
}

export interface AuthorityWishes {
  /** Days for which the authority has to last at least. */
  readonly days: number;
  /** Makes a new authority although the old one would do. */
  readonly newAuthority: boolean;
  /** Stops trusting earlier authorities. */
  readonly dropOld: boolean;
}

/** Ten years: to replace an authority takes two steps (`docs/install.md`), so it is done on purpose and not by date. */
export const AUTHORITY_DAYS = 3650;

const DAY_MS = 24 * 60 * 60 * 1000;
const PEM_CERTIFICATE = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g;

/** Takes the authority of the files if it lasts and its key is there, else makes one that joins it in `trusted`. */
export async function chooseAuthority(files: AuthorityFiles, wishes: AuthorityWishes): Promise<Authority> {
  const known = await readCertificates(files.certificate);
  const current = wishes.newAuthority ? undefined : await readCurrent(files.key, known[0], wishes.days);
  const authority = current ?? (await makeAuthority({ name: 'image-cloner', days: AUTHORITY_DAYS }));
  const others = wishes.dropOld ? [] : known.filter((one) => lasts(one, 0)).map(String);
  const trusted = new Set([authority.certificate, ...others]);
  return { ...authority, kept: current !== undefined, trusted: [...trusted] };
}

/** Writes the key, and all trusted certificates, that of the key first. */
export async function keepAuthority(files: AuthorityFiles, authority: Authority): Promise<void> {
  await replaceFile(files.key, authority.key, PRIVATE);
  await replaceFile(files.certificate, authority.trusted.join(''), PUBLIC);
}

async function readCertificates(file: string): Promise<X509Certificate[]> {
  const text = (await readIfPresent(file)) ?? '';
  const pems = text.match(PEM_CERTIFICATE) ?? [];
  if (text !== '' && pems.length === 0) throw unreadable(file, 'no certificate in it');
  return pems.map((pem) => decodeCertificate(file, pem));
}

function decodeCertificate(file: string, pem: string): X509Certificate {
  try {
    return new X509Certificate(pem);
  } catch (cause) {
    throw unreadable(file, 'a certificate that cannot be decoded', cause);
  }
}

async function readCurrent(
  file: string,
  certificate: X509Certificate | undefined,
  days: number,
): Promise<CertificatePair | undefined> {
  const key = await readIfPresent(file);
  if (key === undefined || certificate === undefined || !lasts(certificate, days)) return undefined;
  if (!belongs(file, key, certificate)) throw unreadable(file, 'the key of another certificate');
  return { certificate: String(certificate), key };
}

function lasts(certificate: X509Certificate, days: number): boolean {
  return certificate.validToDate.getTime() > Date.now() + days * DAY_MS;
}

function belongs(file: string, key: string, certificate: X509Certificate): boolean {
  try {
    return certificate.checkPrivateKey(createPrivateKey(key));
  } catch (cause) {
    throw unreadable(file, 'a key that cannot be decoded', cause);
  }
}

function unreadable(file: string, found: string, cause?: unknown): GenError {
  const message = `use the authority in "${file}": found ${found}; restore the file, or remove it for a new authority`;
  return new GenError('BAD_AUTHORITY', message, { cause });
}
