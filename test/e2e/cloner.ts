import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Agent, request } from 'undici';
import { vi } from 'vitest';
import { parse, stringify } from 'yaml';
import { Checkout } from './checkout.ts';
import { CommandError, output } from './harness/command.ts';
import type { ControlPlane } from './harness/control-plane.ts';
import { freePort } from './harness/free-port.ts';
import { statusOf } from './harness/http-status.ts';
import { Process } from './harness/process.ts';
import { WorkFolder } from './harness/work-folder.ts';
import { type LogLine, logLines } from './log-line.ts';

const CHECKOUT = fileURLToPath(new URL('../../', import.meta.url));

/** The name that the certificate is for, and that an API server of the tests is told the address of. */
export const SERVICE = 'image-cloner.image-cloner.svc';

/**
 * What an API server grants a webhook at most, and what is kept of it for the answer: a busy machine takes its time for a
 * copy, and who is to get it waits for it.
 */
const LONGEST = { grantSeconds: 30, waitSeconds: 29 };

/** The API server takes note of a configuration and of a label within a second; two busy cores are slower. */
const NOTED = { timeout: 120_000, interval: 200 };

const PROBE = stringify({
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name: 'probe' },
  spec: {
    selector: { matchLabels: { app: 'probe' } },
    template: {
      metadata: { labels: { app: 'probe' } },
      spec: { containers: [{ name: 'main', image: 'auto:' }] },
    },
  },
});

let built: Promise<string> | undefined;

/** What is shipped is what is tested: `npm run build`, once for each run. @returns its entry */
export function build(): Promise<string> {
  built ??= output('npm', ['run', '-s', 'build'], { directory: CHECKOUT }).then(() =>
    join(CHECKOUT, 'dist/main.cjs'),
  );
  return built;
}

/** `image-cloner serve` as a process of its own, with certificate and webhook configuration from `make gen`. */
export class Cloner {
  readonly #checkout: Checkout;
  readonly #folder: WorkFolder;
  readonly #process: Process;
  readonly port: number;
  readonly metricsPort: number;

  private constructor(parts: {
    checkout: Checkout;
    folder: WorkFolder;
    process: Process;
    port: number;
    metricsPort: number;
  }) {
    this.#checkout = parts.checkout;
    this.#folder = parts.folder;
    this.#process = parts.process;
    this.port = parts.port;
    this.metricsPort = parts.metricsPort;
  }

  /** @param settings as environment variables */
  static async start(settings: Readonly<Record<string, string>>): Promise<Cloner> {
    const checkout = new Checkout();
    await checkout.gen();
    const folder = new WorkFolder('cloner');
    const [port, metricsPort] = [await freePort(), await freePort()];
    const options = {
      command: process.execPath,
      args: [await build(), 'serve'],
      logFile: folder.logFile('image-cloner'),
      environment: {
        LISTEN: `127.0.0.1:${port}`,
        METRICS_LISTEN: `127.0.0.1:${metricsPort}`,
        TLS_CERT_FILE: checkout.path('tls/out/tls.crt'),
        TLS_KEY_FILE: checkout.path('tls/out/tls.key'),
        REGISTRY_AUTH_DIR: folder.file('auth'),
        SHUTDOWN_GRACE_SECONDS: '0',
        COPY_WAIT_SECONDS: String(LONGEST.waitSeconds),
        ...settings,
      },
    };
    const started = await Process.start(
      options,
      async () => (await statusOf(`https://127.0.0.1:${port}/readyz`)) === 200,
    );
    return new Cloner({ checkout, folder, process: started, port, metricsPort });
  }

  /**
   * Registers what `deploy/` ships, with the address of this process in the place of the Service, which nobody routes
   * to without a cluster's network.
   */
  async register(plane: ControlPlane): Promise<void> {
    const configuration = parse(await this.#checkout.read('deploy/image-cloner-webhook.yaml'));
    for (const webhook of configuration.webhooks) {
      delete webhook.clientConfig.service;
      webhook.clientConfig.url = `https://${SERVICE}:${this.port}/clone-image`;
      webhook.timeoutSeconds = LONGEST.grantSeconds;
    }
    await kubectl(plane, ['apply', '-f-'], stringify(configuration));
  }

  /** Makes a namespace that is opted in, for a webhook that is registered: resolves once the API server asks about it. */
  async openNamespace(plane: ControlPlane, name: string): Promise<void> {
    await kubectl(plane, ['create', 'namespace', name]);
    await kubectl(plane, ['label', 'namespace', name, 'image-cloner=enabled']);
    await vi.waitUntil(async () => {
      await kubectl(plane, ['create', '--namespace', name, '--dry-run=server', '-f-'], PROBE);
      return this.log().some((line) => line['namespace'] === name && line['name'] === 'probe');
    }, NOTED);
  }

  /** Posts bytes as the API server does. @returns the status of the answer */
  async post(
    body: Uint8Array,
    headers: Readonly<Record<string, string>> = { 'content-type': 'application/json' },
  ): Promise<number> {
    const dispatcher = new Agent({ connect: { rejectUnauthorized: false } });
    const answer = await request(
      `https://127.0.0.1:${this.port}/clone-image?timeout=${LONGEST.grantSeconds}s`,
      {
        method: 'POST',
        body,
        headers,
        dispatcher,
      },
    );
    await answer.body.dump();
    await dispatcher.close();
    return answer.statusCode;
  }

  log(): readonly LogLine[] {
    return logLines(this.#process.log());
  }

  /** Resident memory in KiB, as the kernel counts it. */
  residentKiB(): number {
    const status = readFileSync(`/proc/${this.#process.pid}/status`, 'utf8');
    return Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1]);
  }

  async stop(): Promise<void> {
    await this.#process.stop();
    await this.#folder.remove();
    await this.#checkout.remove();
  }
}

async function kubectl(plane: ControlPlane, args: readonly string[], input = ''): Promise<void> {
  const result = await plane.kubectl(args, { input });
  if (result.code !== 0) throw new CommandError('kubectl', args, result);
}
