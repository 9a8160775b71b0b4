import { readFileSync } from 'node:fs';

/** The package's version. Read from its file, which lies at the same distance from sources and from the build. */
export function readVersion(): string {
  const text = readFileSync(new URL('../../package.json', import.meta.url), 'utf8');
  const { version }: { version?: unknown } = JSON.parse(text);
  return String(version);
}
