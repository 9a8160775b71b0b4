import { KEYS } from './key.ts';

/** One row of the table of settings, as people read it. */
export interface SettingDescription {
  /** Path in the file. */
  readonly path: string;
  /** Undefined where only the file can set it. */
  readonly variable: string | undefined;
  readonly initial: string;
  readonly what: string;
  readonly wanted: string;
}

/** Every setting, in the order of the documentation. README, `--help` and faults all draw on this. */
export function describeSettings(): SettingDescription[] {
  return KEYS.map(({ path, variable, initial, otherwise, what, wanted }) => ({
    path,
    variable,
    what,
    wanted,
    initial: otherwise ?? shown(initial),
  }));
}

function shown(value: unknown): string {
  if (Array.isArray(value)) return value.length === 0 ? 'none' : value.join(', ');
  return String(value);
}
