import { access } from 'node:fs/promises';
import { join } from 'node:path';
import { Layout } from '../layout/layout.ts';
import { Refusal } from './refusal.ts';

/** OCI distribution spec, "Pulling manifests": `<name>`. */
const NAME = /^[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*(?:\/[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*)*$/;
/** distribution/reference, `RepositoryNameTotalLengthMax`. */
const LONGEST_NAME = 255;
/** No component of a name starts with `_`, so `a/_layout` and a repository `a/anything` never clash. */
const LAYOUT = '_layout';

/** The repositories of a registry: each is an OCI layout, `a/b` under `<directory>/a/b/_layout`. */
export class Repositories {
  readonly #directory: string;
  readonly #layouts = new Map<string, Promise<Layout>>();

  constructor(directory: string) {
    this.#directory = directory;
  }

  /** @throws Refusal when there is no such repository */
  async get(name: string): Promise<Layout> {
    const layout = await this.find(name);
    if (layout !== undefined) return layout;
    throw new Refusal({ status: 404, code: 'NAME_UNKNOWN', message: `repository "${name}" is not known` });
  }

  /** @returns undefined when there is none, also after its directory was removed by hand */
  async find(name: string): Promise<Layout | undefined> {
    const directory = this.#directoryOf(name);
    const isThere = await access(join(directory, 'index.json')).then(
      () => true,
      () => false,
    );
    if (isThere) return this.#opened(name, () => Layout.open(directory));
    this.#layouts.delete(name);
    return undefined;
  }

  /** Opens a repository, made new where there is none. */
  async create(name: string): Promise<Layout> {
    return (await this.find(name)) ?? this.#opened(name, () => Layout.create(this.#directoryOf(name)));
  }

  /** Once for all requests. A failure is not kept. */
  #opened(name: string, open: () => Promise<Layout>): Promise<Layout> {
    const known = this.#layouts.get(name);
    if (known !== undefined) return known;
    const opening = open();
    this.#layouts.set(name, opening);
    opening.catch(() => this.#layouts.delete(name));
    return opening;
  }

  #directoryOf(name: string): string {
    checkName(name);
    return join(this.#directory, name, LAYOUT);
  }
}

/** @throws Refusal when it is not a repository name; one that is stays below the directory */
export function checkName(name: string): void {
  if (name.length <= LONGEST_NAME && NAME.test(name)) return;
  throw new Refusal({ status: 400, code: 'NAME_INVALID', message: 'repository name is not valid' });
}
