import { mkdir, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

/**
 * A folder with a Secret in it, written as the kubelet does: each state in a folder of its own, `..data` pointing to the
 * present one, and for each key a link through it.
 */
export class SecretMount {
  readonly dir: string;
  #state = 0;
  #keys: string[] = [];

  constructor(dir: string) {
    this.dir = dir;
  }

  /** All keys change at once, by one rename of the link; then the former state is removed. */
  async write(keys: Readonly<Record<string, string>>): Promise<void> {
    const former = `..state_${this.#state}`;
    const next = `..state_${(this.#state += 1)}`;
    await mkdir(join(this.dir, next), { recursive: true });
    for (const [key, text] of Object.entries(keys)) await writeFile(join(this.dir, next, key), text);
    await symlink(next, join(this.dir, '..data_tmp'));
    await rename(join(this.dir, '..data_tmp'), join(this.dir, '..data'));
    await this.#link(Object.keys(keys));
    await rm(join(this.dir, former), { recursive: true, force: true });
  }

  async #link(keys: string[]): Promise<void> {
    for (const key of this.#keys.filter((former) => !keys.includes(former))) await rm(join(this.dir, key));
    for (const key of keys.filter((wanted) => !this.#keys.includes(wanted)))
      await symlink(join('..data', key), join(this.dir, key));
    this.#keys = keys;
  }
}
