import { readFile, stat } from 'node:fs/promises';
import { type Descriptor, isRecord, readDescriptor } from '../image/descriptor.ts';
import { OCI_INDEX } from '../image/media-type.ts';
import { isAbsent, LayoutError } from './layout-error.ts';
import { replaceFile } from './temporary.ts';
import { inTurn } from './turn.ts';

/** Largest index.json that is read. A registry lists every manifest in it, at some 300 bytes each. */
const LARGEST_INDEX = 64 * 1024 * 1024;

interface Content {
  /** Whatever else the file says: media type, annotations. It is written back as it was. */
  readonly body: Readonly<Record<string, unknown>>;
  readonly entries: readonly Descriptor[];
}

/** The file `index.json` of a layout: the manifests that can be reached by name or on their own. */
export class IndexFile {
  readonly #path: string;
  #read: { readonly text: string; readonly content: Content } | undefined;

  constructor(path: string) {
    this.#path = path;
  }

  /** The same array as long as the file does not change, whoever changes it. */
  async entries(): Promise<readonly Descriptor[]> {
    return (await this.#load()).entries;
  }

  /** Writes the file for a layout that has none yet. */
  async create(): Promise<void> {
    await inTurn(this.#path, async () => {
      if ((await this.#text()) === undefined)
        await this.#write({ schemaVersion: 2, mediaType: OCI_INDEX }, []);
    });
  }

  /** Changes the entries. Changes within this process wait for each other, so that none is lost. */
  async update(change: (entries: readonly Descriptor[]) => readonly Descriptor[]): Promise<void> {
    await inTurn(this.#path, async () => {
      const { body, entries } = await this.#load();
      await this.#write(body, change(entries));
    });
  }

  async #write(body: Content['body'], manifests: readonly Descriptor[]): Promise<void> {
    await replaceFile(this.#path, JSON.stringify({ ...body, manifests }));
  }

  /** Read anew each time, because another process may write it, and parsed only when it is not what it was. */
  async #load(): Promise<Content> {
    const text = await this.#text();
    if (text === undefined) throw this.#invalid('wanted an index.json');
    if (this.#read?.text !== text) this.#read = { text, content: this.#parse(text) };
    return this.#read.content;
  }

  async #text(): Promise<string | undefined> {
    try {
      const { size } = await stat(this.#path);
      if (size > LARGEST_INDEX) throw this.#invalid(`wanted at most ${LARGEST_INDEX} bytes, got ${size}`);
      return await readFile(this.#path, 'utf8');
    } catch (error) {
      if (isAbsent(error)) return undefined;
      throw error;
    }
  }

  #parse(text: string): Content {
    const body = this.#json(text);
    const list = body['manifests'];
    if (!Array.isArray(list)) throw this.#invalid('wanted a list "manifests" in index.json');
    return { body, entries: list.map((entry, index) => this.#entry(entry, index)) };
  }

  #json(text: string): Record<string, unknown> {
    let body: unknown;
    try {
      body = JSON.parse(text);
    } catch (cause) {
      throw this.#invalid('wanted JSON in index.json', cause);
    }
    if (!isRecord(body)) throw this.#invalid('wanted a JSON object in index.json');
    return body;
  }

  /** What we do not know about an entry is kept for whoever wrote it. */
  #entry(value: unknown, index: number): Descriptor {
    const descriptor = readDescriptor(value);
    if (descriptor === undefined || !isRecord(value))
      throw this.#invalid(`wanted a descriptor in manifests[${index}] of index.json`);
    return { ...value, ...descriptor };
  }

  #invalid(why: string, cause?: unknown): LayoutError {
    return new LayoutError(why, { code: 'INVALID_LAYOUT', operation: `read layout ${this.#path}`, cause });
  }
}
