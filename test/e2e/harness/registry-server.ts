import { setTimeout as delay } from 'node:timers/promises';
import { type LoggedRequest, loggedRequests } from './access-log.ts';
import { freePort } from './free-port.ts';
import { statusOf } from './http-status.ts';
import { programOf } from './part.ts';
import { Process, type ProcessOptions } from './process.ts';
import { type RegistryServerOptions, storageOf, writeConfiguration } from './registry-configuration.ts';
import { WorkFolder } from './work-folder.ts';

/** Ready is a registry that answers, also when it answers that it wants a password. */
const READY: readonly number[] = [200, 401];
/** What requests of our own have in common, to tell them from those of the tests. */
const OWN = '/v2/?harness=';
const LOG_EVERY_MS = 10;

/** A real registry on a loopback port, which it keeps when it is stopped and started again. */
export class RegistryServer {
  /** `127.0.0.1:4711` */
  readonly host: string;
  /** `http://127.0.0.1:4711` */
  readonly url: string;
  readonly #folder: WorkFolder;
  readonly #options: ProcessOptions;
  #process: Process;
  #isRunning = true;
  #marks = 0;

  private constructor(url: URL, folder: WorkFolder, started: Process) {
    this.host = url.host;
    this.url = url.origin;
    this.#folder = folder;
    this.#options = started.options;
    this.#process = started;
  }

  static async start(options: RegistryServerOptions = {}): Promise<RegistryServer> {
    const folder = new WorkFolder('registry');
    const url = new URL(`${options.tls === undefined ? 'http' : 'https'}://127.0.0.1:${await freePort()}`);
    const configuration = await writeConfiguration(folder, url.host, options);
    const started = await startProcess(processOptions(folder, configuration, options), url.origin);
    return new RegistryServer(url, folder, started);
  }

  /** Starts it again, after `stop`: at the same address, with the same storage. */
  async start(): Promise<void> {
    this.#process = await startProcess(this.#options, this.url);
    this.#isRunning = true;
  }

  async stop(): Promise<void> {
    this.#isRunning = false;
    await this.#process.stop();
  }

  /** Stops it for good and removes its files. */
  async close(): Promise<void> {
    await this.stop();
    await this.#folder.remove();
  }

  /** What it was asked so far, in the order of its answers: before a stop too. Aborted requests may be missing. */
  async requests(): Promise<readonly LoggedRequest[]> {
    if (this.#isRunning) await this.#settleLog();
    return loggedRequests(this.log()).filter(({ path }) => !path.startsWith(OWN));
  }

  log(): string {
    return this.#process.log();
  }

  /** A line is written when its answer is out already; a request of our own afterwards shows how far the log is. */
  async #settleLog(): Promise<void> {
    this.#marks += 1;
    const mark = `${OWN}${this.#marks} `;
    await statusOf(`${this.url}${mark.trim()}`);
    while (!this.log().includes(mark)) await delay(LOG_EVERY_MS);
  }
}

async function startProcess(options: ProcessOptions, url: string): Promise<Process> {
  return Process.start(options, async () => READY.includes(await statusOf(`${url}${OWN}0`)));
}

function processOptions(
  folder: WorkFolder,
  configuration: string,
  options: RegistryServerOptions,
): ProcessOptions {
  const { part = 'docker-registry', storageBytes: bytes } = options;
  const at = storageOf(folder, options);
  return {
    command: programOf(part),
    args: ['serve', configuration],
    logFile: folder.logFile(part),
    // Version 3 sends traces to a collector unless told otherwise.
    environment: { OTEL_TRACES_EXPORTER: 'none' },
    ...(bytes === undefined ? {} : { mounts: [{ kind: 'tmpfs', at, bytes }] }),
  };
}
