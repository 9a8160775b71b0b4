/** Text that is no YAML document, or one that is refused. */
export class YamlError extends Error {
  override readonly name = 'YamlError';
  readonly code = 'INVALID_YAML';
  /** Where it went wrong, from 1. Undefined where no single line is to blame. */
  readonly line: number | undefined;

  /** @param why never an excerpt: a file may hold what is not for a log */
  constructor(why: string, line: number | undefined) {
    super(why);
    this.line = line;
  }
}
