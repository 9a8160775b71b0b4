import { dump, loadAll, YAMLException } from 'js-yaml';
import { DIALECTS, type Dialect } from './dialect.ts';
import { unfoldedSize } from './unfolded.ts';
import { YamlError } from './yaml-error.ts';

/** An object of Kubernetes has at most some ten thousand values: its API server takes 3 MiB. */
const MOST_UNFOLDED = 1_000_000;
/** The schemas of custom resources are the deepest files there are, with about a hundred levels. */
const DEEPEST = 500;

/**
 * The value of a text of one document; null where it holds none. Keys are texts, and each is there once; what aliases
 * unfold to is bounded.
 * @throws YamlError
 */
export function readDocument(text: string, dialect: Dialect): unknown {
  const [value = null, ...more] = readDocuments(text, dialect);
  if (more.length > 0) throw new YamlError('wanted one document, got several', undefined);
  return value;
}

/** The values of all documents of a text, under the same bounds. @throws YamlError */
export function readDocuments(text: string, dialect: Dialect): readonly unknown[] {
  const values = documentsIn(text, dialect);
  // Without an anchor nothing is there twice.
  if (text.includes('&') && unfoldedSize(values) > MOST_UNFOLDED)
    throw new YamlError(`aliases unfold to more than ${MOST_UNFOLDED} values`, undefined);
  return values;
}

function documentsIn(text: string, dialect: Dialect): readonly unknown[] {
  try {
    return loadAll(text, { schema: DIALECTS[dialect], maxDepth: DEEPEST });
  } catch (cause) {
    if (!(cause instanceof YAMLException)) throw cause;
    const line = cause.mark === undefined ? undefined : cause.mark.line + 1;
    // No cause: its message holds an excerpt.
    throw new YamlError(cause.reason, line);
  }
}

/** A document that gives the same value again, whichever version of YAML it is read by. Lines are not broken. */
export function formatDocument(value: unknown): string {
  return dump(value, { lineWidth: -1, noRefs: true });
}
