import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { freePort } from '../test/e2e/harness/free-port.ts';
import { statusOf } from '../test/e2e/harness/http-status.ts';
import { Process } from '../test/e2e/harness/process.ts';
import { WorkFolder } from '../test/e2e/harness/work-folder.ts';
import { makeLoopbackCertificate } from '../test/fakes/loopback-certificate.ts';
import { build, OWN_CHECKOUT } from './own.ts';

/** What the kernel says of a process's memory, in bytes. */
export interface Memory {
  readonly resident: number;
  readonly peak: number;
}

/** The webhook as a process of its own: compiled, with its default settings, on one processor where there are two. */
export class Webhook {
  readonly url: string;
  /** PEM of the authority of its certificate. */
  readonly ca: string;
  readonly #process: Process;
  readonly #folder: WorkFolder;

  private constructor(parts: { url: string; ca: string; process: Process; folder: WorkFolder }) {
    this.url = parts.url;
    this.ca = parts.ca;
    this.#process = parts.process;
    this.#folder = parts.folder;
  }

  /** @param backup where copies live: `127.0.0.1:4711/backup` */
  static async start(backup: string): Promise<Webhook> {
    const folder = new WorkFolder('webhook');
    const { ca, cert, key } = await makeLoopbackCertificate();
    const [certFile, keyFile] = [folder.file('tls.crt'), folder.file('tls.key')];
    writeFileSync(certFile, cert);
    writeFileSync(keyFile, key, { mode: 0o600 });
    mkdirSync(folder.file('auth'));
    const url = `https://127.0.0.1:${await freePort()}`;
    const process = await Process.start(
      {
        ...(await commandLine()),
        logFile: folder.logFile('image-cloner'),
        environment: {
          LISTEN: new URL(url).host,
          METRICS_LISTEN: '127.0.0.1:0',
          TLS_CERT_FILE: certFile,
          TLS_KEY_FILE: keyFile,
          REGISTRY: backup,
          REGISTRY_AUTH_DIR: folder.file('auth'),
          SOURCES_INTERNAL: '127.0.0.1',
          SHUTDOWN_GRACE_SECONDS: '0',
        },
      },
      async () => (await statusOf(`${url}/readyz`)) === 200,
    );
    return new Webhook({ url, ca, process, folder });
  }

  memory(): Memory {
    const status = readFileSync(`/proc/${this.#process.pid}/status`, 'utf8');
    return { resident: field(status, 'VmRSS'), peak: field(status, 'VmHWM') };
  }

  async close(): Promise<void> {
    await this.#process.stop();
    await this.#folder.remove();
  }
}

/** Pinned to one processor, it does not have to be told from those that ask it. */
async function commandLine(): Promise<{ readonly command: string; readonly args: readonly string[] }> {
  const main = join(await build(OWN_CHECKOUT), 'main.cjs');
  return { command: 'taskset', args: ['--cpu-list', '0', process.execPath, main, 'serve'] };
}

/** `/proc/[pid]/status`, proc(5): sizes are in kB. */
export function field(status: string, name: string): number {
  const found = new RegExp(`^${name}:\\s+(\\d+) kB$`, 'm').exec(status)?.[1];
  if (found === undefined) throw new Error(`Cannot find "${name}" in what the kernel says of the process`);
  return Number(found) * 1024;
}
