import { type CertificatePair, makeAuthority, makeServerCertificate } from '../../tls/certificate.ts';

export interface LoopbackCertificate {
  /** PEM of the authority that a client has to trust. */
  readonly ca: string;
  readonly cert: string;
  readonly key: string;
}

const NAMES = ['127.0.0.1', 'localhost'];

/** A certificate for loopback from a new authority. @param days of validity; negative: expired already */
export async function makeLoopbackCertificate(days = 1): Promise<LoopbackCertificate> {
  const authority = await makeAuthority({ name: 'test authority', days: 1 });
  return signLoopbackCertificate(authority, days);
}

/** Another certificate of an authority that clients trust already. */
export async function signLoopbackCertificate(
  authority: CertificatePair,
  days = 1,
): Promise<LoopbackCertificate> {
  const { certificate, key } = await makeServerCertificate(authority, { names: NAMES, days });
  return { ca: authority.certificate, cert: certificate, key };
}
