import { readFile } from 'node:fs/promises';
import { isRecord } from '../image/descriptor.ts';
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

async function readText(file: string): Promise<string> {
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
async function parseTree(text: string, file: string): Promise<Tree> {
  const { parseDocument } = await import('yaml');
  try {
    const document = parseDocument(text, { logLevel: 'error', stringKeys: true });
    const [problem] = [...document.errors, ...document.warnings];
    if (problem !== undefined) throw problem;
    const tree: unknown = document.toJS({ maxAliasCount: MOST_ALIASES }) ?? {};
    if (!isRecord(tree)) throw new TypeError(`got ${quoteValue(tree)}, wanted a mapping of keys`);
    return tree;
  } catch (cause) {
    throw faultIn(file, `is not a configuration: ${reasonOf(cause)}`, cause);
  }
}

/** Aliases may multiply: nine lines can unfold to a billion values. */
const MOST_ALIASES = 100;

function faultIn(file: string, what: string, cause: unknown): ConfigError {
  return new ConfigError([{ at: file, what }], { cause });
}

/** First line only: the parser goes on with an excerpt, and a file may hold what is not for a log. */
function reasonOf(cause: unknown): string {
  const text = cause instanceof Error ? cause.message : String(cause);
  return text.split('\n', 1)[0]?.replace(/:$/, '') ?? '';
}
