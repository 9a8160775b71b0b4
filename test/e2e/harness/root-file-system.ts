import { chmodSync, cpSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { output } from './command.ts';

/** The files of an image that is being made. Targets are absolute paths in the image. */
export class RootFileSystem {
  readonly #path: string;

  /** @param path of a folder of this machine */
  constructor(path: string) {
    this.#path = path;
  }

  /** Copies a file or a folder of this machine, symbolic links as what they point to. */
  copy(source: string, target: string = source): void {
    cpSync(source, this.#place(target), { recursive: true, dereference: true });
  }

  /** Copies a program and the shared libraries that it is linked with. */
  async copyProgram(source: string, target: string): Promise<void> {
    this.copy(source, target);
    for (const library of await librariesOf(source)) this.copy(library);
  }

  /**
   * Copies a library of those that always come together with the C library.
   * @param program that is linked with the C library
   */
  async copyLibraryBesideC(name: string, program: string): Promise<void> {
    const libc = (await librariesOf(program)).find((path) => basename(path).startsWith('libc.'));
    if (libc === undefined) throw new Error(`Cannot copy ${name}: ${program} is not linked with a C library`);
    this.copy(join(dirname(libc), name));
  }

  write(target: string, text: string): void {
    writeFileSync(this.#place(target), text);
  }

  link(target: string, pointsTo: string): void {
    symlinkSync(pointsTo, this.#place(target));
  }

  /** @param mode of the new folder, whatever the umask */
  makeFolder(target: string, mode: number): void {
    mkdirSync(this.#place(target));
    chmodSync(this.#place(target), mode);
  }

  #place(target: string): string {
    const path = join(this.#path, target);
    mkdirSync(dirname(path), { recursive: true });
    return path;
  }
}

/** The absolute paths in what ldd prints, the loader's among them. */
async function librariesOf(program: string): Promise<readonly string[]> {
  return (await output('ldd', [program])).match(/\/\S+/g) ?? [];
}
