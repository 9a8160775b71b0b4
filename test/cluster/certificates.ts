import { makeAuthority, makeServerCertificate } from '../../tls/certificate.ts';
import { NODE_ADDRESS, SERVICE_ADDRESS } from './machine.ts';

/** The API server's certificate and who signed it, as PEM. */
export interface Certificates {
  readonly authority: string;
  readonly certificate: string;
  readonly key: string;
}

const NAMES = ['kubernetes.default.svc', 'kubernetes', '127.0.0.1', NODE_ADDRESS, SERVICE_ADDRESS];
const DAYS = 30;

export async function makeCertificates(): Promise<Certificates> {
  const authority = await makeAuthority({ name: 'cluster', days: DAYS });
  const server = await makeServerCertificate(authority, { names: NAMES, days: DAYS });
  return { authority: authority.certificate, ...server };
}
