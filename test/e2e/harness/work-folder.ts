import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** The files of one part while it runs. */
export class WorkFolder {
  readonly path: string;
  readonly #name: string;

  /** @param name of the part, for people who look */
  constructor(name: string) {
    this.path = mkdtempSync(join(tmpdir(), `image-cloner-${name}-`));
    this.#name = this.path.slice(tmpdir().length + 1);
  }

  file(name: string): string {
    return join(this.path, name);
  }

  /** @returns the path of a file with that text, which nobody else may read: there are keys among them */
  write(name: string, text: string): string {
    writeFileSync(this.file(name), text, { mode: 0o600 });
    return this.file(name);
  }

  /** The log of a program. Where IMAGE_CLONER_E2E_LOGS names a folder it is written there, and stays. */
  logFile(program: string): string {
    const { IMAGE_CLONER_E2E_LOGS: logs } = process.env;
    if (!logs) return this.file(`${program}.log`);
    mkdirSync(logs, { recursive: true });
    return join(logs, `${this.#name}-${program}.log`);
  }

  async remove(): Promise<void> {
    await rm(this.path, { recursive: true, force: true });
  }
}
