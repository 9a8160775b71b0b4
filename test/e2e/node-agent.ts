import { build } from './cloner.ts';
import { freePort } from './harness/free-port.ts';
import { statusOf } from './harness/http-status.ts';
import { Process } from './harness/process.ts';
import { WorkFolder } from './harness/work-folder.ts';
import { type LogLine, logLines } from './log-line.ts';

/** `image-cloner agent` as a process of its own. */
export class NodeAgent {
  readonly #folder: WorkFolder;
  readonly #process: Process;
  /** Where it answers: `127.0.0.1:4711`. */
  readonly address: string;

  private constructor(folder: WorkFolder, started: Process, address: string) {
    this.#folder = folder;
    this.#process = started;
    this.address = address;
  }

  /** @param settings as environment variables, its certificate among them */
  static async start(settings: Readonly<Record<string, string>>): Promise<NodeAgent> {
    const folder = new WorkFolder('agent');
    const [port, metricsPort] = [await freePort(), await freePort()];
    const options = {
      command: process.execPath,
      args: [await build(), 'agent'],
      logFile: folder.logFile('agent'),
      environment: {
        LISTEN: `127.0.0.1:${port}`,
        METRICS_LISTEN: `127.0.0.1:${metricsPort}`,
        SHUTDOWN_GRACE_SECONDS: '0',
        ...settings,
      },
    };
    const started = await Process.start(
      options,
      async () => (await statusOf(`http://127.0.0.1:${metricsPort}/readyz`)) === 200,
    );
    return new NodeAgent(folder, started, `127.0.0.1:${port}`);
  }

  log(): readonly LogLine[] {
    return logLines(this.#process.log());
  }

  async stop(): Promise<void> {
    await this.#process.stop();
    await this.#folder.remove();
  }
}
