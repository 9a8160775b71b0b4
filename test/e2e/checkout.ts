import { cpSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type CommandResult, output, run } from './harness/command.ts';
import { WorkFolder } from './harness/work-folder.ts';

const THIS_CHECKOUT = fileURLToPath(new URL('../../', import.meta.url));
const GENERATED = /image-cloner-(tls|webhook|agents|agent-tls)\.yaml$/;

/** What `make deploy` needs of a checkout, at a place of its own: nothing is generated into this one. */
export class Checkout {
  readonly #folder = new WorkFolder('checkout');

  constructor() {
    for (const name of ['Makefile', 'deploy']) {
      cpSync(join(THIS_CHECKOUT, name), this.#folder.file(name), {
        recursive: true,
        filter: (source) => !GENERATED.test(source),
      });
    }
  }

  /** As `make gen`, which would install the tools first. */
  async gen(...args: readonly string[]): Promise<void> {
    await output(process.execPath, [join(THIS_CHECKOUT, 'tls/gen.ts'), '--root', this.#folder.path, ...args]);
  }

  make(target: string, variables: Readonly<Record<string, string>>): Promise<CommandResult> {
    const settings = Object.entries(variables).map(([name, value]) => `${name}=${value}`);
    return run('make', ['--directory', this.#folder.path, target, ...settings]);
  }

  path(file: string): string {
    return this.#folder.file(file);
  }

  read(file: string): Promise<string> {
    return readFile(this.path(file), 'utf8');
  }

  async remove(): Promise<void> {
    await this.#folder.remove();
  }
}
