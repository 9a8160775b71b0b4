import { createHash, X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { createSecureContext, type SecureContextOptions } from 'node:tls';
import type { Logger } from '../telemetry/logger.ts';
import type { Metrics } from '../telemetry/metrics.ts';

export interface CertificateFiles {
  /** PEM, the server's certificate first, then those between it and its authority. */
  readonly certFile: string;
  /** PEM. */
  readonly keyFile: string;
  /** PEM: clients need a certificate of one of these authorities. Default: they need none. */
  readonly caFile?: string;
}

class CertificateError extends Error {
  override readonly name = 'CertificateError';
  readonly code = 'BAD_CERTIFICATE';

  constructor({ certFile, keyFile }: CertificateFiles, cause: unknown) {
    super(`Cannot use certificate "${certFile}" with key "${keyFile}"`, { cause });
  }
}

/** What a TLS server takes a new certificate by (`tls.Server`). */
export interface SecureServer {
  setSecureContext(options: SecureContextOptions): void;
}

export interface CertificateParts {
  readonly files: CertificateFiles;
  readonly log: Logger;
  readonly metrics: Pick<Metrics, 'certificateExpiry' | 'certificateReloads'>;
  /** Milliseconds since 1970. @default the clock of the machine */
  readonly now?: () => number;
}

/** TLS 1.1 and older are deprecated (RFC 8996); every supported API server speaks 1.2 or 1.3. */
const OLDEST_TLS = 'TLSv1.2';

/** Long enough for somebody to act on a warning, short enough not to nag about certificates that live for days. */
const EXPIRES_SOON_MS = 3 * 24 * 60 * 60 * 1000;

/** What one look at the files found. */
type Look = { readonly seen: string } & (
  | { readonly options: SecureContextOptions; readonly expires: Date }
  | { readonly error: CertificateError }
);

/**
 * The certificate being served. Its files are compared by content: a mounted Secret swaps a link to a folder, which
 * watching the files themselves does not show.
 */
export class Certificate {
  readonly #parts: CertificateParts;
  /** What the last look saw, good or bad: each change is tried and told once. */
  #seen = '';

  constructor(parts: CertificateParts) {
    this.#parts = parts;
  }

  /**
   * Options for the server's start.
   * @throws CertificateError when there is nothing that could be served
   */
  async load(): Promise<SecureContextOptions> {
    const look = await this.#look();
    if ('error' in look) throw look.error;
    this.#tell(look.expires, 'Certificate loaded');
    return look.options;
  }

  /** Looks once. A pair that is missing, half written or does not fit leaves the one being served in place. */
  async refresh(server: SecureServer): Promise<void> {
    const before = this.#seen;
    const look = await this.#look();
    if (look.seen === before) return;
    const { log, metrics } = this.#parts;
    metrics.certificateReloads.inc({ result: 'error' in look ? 'failed' : 'reloaded' });
    if ('error' in look) {
      log.error({ error: look.error }, 'Certificate not reloaded, the one before is kept');
    } else {
      server.setSecureContext(look.options);
      this.#tell(look.expires, 'Certificate reloaded');
    }
  }

  async #look(): Promise<Look> {
    const look = await lookAt(this.#parts.files);
    this.#seen = look.seen;
    return look;
  }

  #tell(expires: Date, message: string): void {
    const { log, metrics, now = Date.now } = this.#parts;
    metrics.certificateExpiry.set(expires.getTime() / 1000);
    const fields = { expires: expires.toISOString() };
    log.info(fields, message);
    if (expires.getTime() - now() < EXPIRES_SOON_MS)
      log.warn(fields, 'Certificate expires soon or has expired');
  }
}

async function lookAt(files: CertificateFiles): Promise<Look> {
  let seen = '';
  try {
    const [cert, key] = await Promise.all([readFile(files.certFile), readFile(files.keyFile)]);
    const ca = files.caFile === undefined ? undefined : await readFile(files.caFile);
    seen = createHash('sha256')
      .update(cert)
      .update(key)
      .update(ca ?? '')
      .digest('hex');
    return { seen, ...checked(cert, key, ca) };
  } catch (cause) {
    return { seen: seen || String(cause), error: new CertificateError(files, cause) };
  }
}

/** Finds whatever would fail later: no PEM, no certificate, a key that belongs to another. */
function checked(
  cert: Buffer,
  key: Buffer,
  ca: Buffer | undefined,
): { options: SecureContextOptions; expires: Date } {
  const options: SecureContextOptions = { cert, key, minVersion: OLDEST_TLS, ...(ca && { ca }) };
  createSecureContext(options);
  // Of text without a certificate the library would make an empty list, which lets nobody in and says nothing.
  if (ca !== undefined) readCertificate(ca);
  return { options, expires: readCertificate(cert).validToDate };
}

function readCertificate(pem: Buffer): X509Certificate {
  return new X509Certificate(pem);
}
