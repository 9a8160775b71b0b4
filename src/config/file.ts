import { readFile } from 'node:fs/promises';
import { isRecord } from '../image/descriptor.ts';
import { YamlError } from '../yaml/yaml-error.ts';
import { ConfigError, quoteValue } from './config-error.ts';
import type { Tree } from './tree.ts';

/** What a ConfigMap may hold (Kubernetes, 1 MiB); ours takes a few hundred bytes. */
const LARGEST_FILE = 1024 * 1024;

/**
 * Reads a YAML file into an unchecked tree. An empty file is an empty configuration.
 * @throws ConfigError when it cannot be read or is no single YAML 1.2 mapping in UTF-8
 */
export async function readTree(file: string): Promise<Tree> {
  return parseTree(await readText(file), file);
}

/** @throws ConfigError when it cannot be read or is not in UTF-8 */
export async function readText(file: string): Promise<string> {
  try {
    const bytes = await readFile(file);
    if (bytes.length > LARGEST_FILE)
      throw new RangeError(`got ${bytes.length} bytes, wanted at most ${LARGEST_FILE}`);
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (cause) {
    throw faultIn(file, `cannot be read: ${reasonOf(cause)}`, cause);
  }
}

/** The parser is loaded here only: most installations are configured by variables and never need it. */
export async function parseTree(text: string, file: string): Promise<Tree> {
  const { readDocument } = await import('../yaml/document.ts');
  try {
    const tree: unknown = readDocument(text, 'yaml-1.2') ?? {};
    if (!isRecord(tree)) throw new TypeError(`got ${quoteValue(tree)}, wanted a mapping of keys`);
    return tree;
  } catch (cause) {
    throw faultIn(file, `is not a configuration: ${reasonOf(cause)}`, cause);
  }
}

/** The documents of manifests, as kubectl reads them. @throws ConfigError */
export async function parseManifests(text: string, file: string): Promise<readonly unknown[]> {
  const { readDocuments } = await import('../yaml/document.ts');
  try {
    return readDocuments(text, 'kubectl');
  } catch (cause) {
    throw faultIn(file, `holds no manifests: ${reasonOf(cause)}`, cause);
  }
}

function faultIn(file: string, what: string, cause: unknown): ConfigError {
  return new ConfigError([{ at: file, what }], { cause });
}

function reasonOf(cause: unknown): string {
  const text = cause instanceof Error ? cause.message : String(cause);
  const line = cause instanceof YamlError && cause.line !== undefined ? ` at line ${cause.line}` : '';
  return `${text}${line}`;
}
