import { isRecord } from '../image/descriptor.ts';
import { readDocument } from '../yaml/document.ts';
import { YamlError } from '../yaml/yaml-error.ts';

export type Manifest = Readonly<Record<string, unknown>>;

/** Text that holds no Kubernetes objects. */
export class ManifestError extends Error {
  override readonly name = 'ManifestError';
  readonly code = 'INVALID_MANIFEST';

  constructor(where: string, why: string, options?: ErrorOptions) {
    super(`Cannot read manifests from ${where}: ${why}`, options);
  }
}

/** Lists inside of lists: kubectl makes one level. */
const DEEPEST_LIST = 8;
/** Nothing but comments and directives (`%YAML 1.2`). */
const EMPTY = /^(?:[#%][^\n]*(?:\n|$)|\s+)*$/;
/** YAML 1.2, 9.1.2: `---` begins a document, alone or before white space. `...` ends one. */
const BOUNDARY = /^(?:---(?=\s|$)|\.\.\.(?=\s|$).*$)/m;

/**
 * Every object in a text of YAML documents or JSON, lists unfolded: what `kubectl get`, `helm template` and
 * `kustomize build` print. Documents without content are passed over.
 * @param where named in faults, as `where:line`
 * @throws ManifestError
 */
export function readManifests(text: string, where: string): readonly Manifest[] {
  return documentsOf(text).flatMap(({ text: document, line }) => {
    const value = parse(document, { file: where, line });
    return value === null ? [] : unfold(value, `${where}:${line}`);
  });
}

/** Where a document begins. */
interface Place {
  readonly file: string;
  readonly line: number;
}

interface DocumentText {
  readonly text: string;
  /** Of its first line, from 1. */
  readonly line: number;
}

/** Cut apart before they are parsed: a reader of the whole text would keep all trees in memory at once. */
function documentsOf(text: string): readonly DocumentText[] {
  let line = 1;
  return text
    .replace(/^\uFEFF/, '')
    .split(BOUNDARY)
    .map((document) => {
      const here = { text: document, line };
      line += document.split('\n').length - 1;
      return here;
    });
}

function parse(text: string, place: Place): unknown {
  const trimmed = text.trim();
  if (EMPTY.test(trimmed)) return null;
  // The machine's own reader is ten times as fast; what it refuses may still be YAML.
  return (trimmed.startsWith('{') ? readJson(trimmed) : undefined) ?? parseYaml(text, place);
}

function readJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function parseYaml(text: string, { file, line }: Place): unknown {
  try {
    return readDocument(text, 'kubectl');
  } catch (cause) {
    if (!(cause instanceof YamlError)) throw cause;
    throw new ManifestError(`${file}:${line - 1 + (cause.line ?? 1)}`, cause.message, { cause });
  }
}

/** A `List`, or one of a kind (`PodList`), is its items. */
function unfold(value: unknown, where: string, depth = 0): readonly Manifest[] {
  if (!isRecord(value) || typeof value['kind'] !== 'string' || depth > DEEPEST_LIST)
    throw new ManifestError(where, 'wanted Kubernetes objects, with apiVersion and kind');
  const { kind, items } = value;
  if (!kind.endsWith('List') || !Array.isArray(items)) return [value];
  return items.flatMap((item: unknown) => unfold(typed(item, value), where, depth + 1));
}

/** Items of a `PodList` may leave out what the list says: version and kind. */
function typed(item: unknown, { apiVersion, kind }: Manifest): unknown {
  const own = kind === 'List' || typeof kind !== 'string' ? {} : { apiVersion, kind: kind.slice(0, -4) };
  return isRecord(item) ? { ...own, ...item } : item;
}
