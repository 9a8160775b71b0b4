import { inspect } from 'node:util';

/** One thing wrong with the configuration. */
export interface Fault {
  /** Where: key path, variable or file. */
  readonly at: string;
  /** What is wrong, with the current and the wanted value. */
  readonly what: string;
}

/** Everything that is wrong with the configuration, told at once: nobody mends one line a restart. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
  readonly code = 'INVALID_CONFIG';
  readonly faults: readonly Fault[];

  constructor(faults: readonly Fault[], options?: ErrorOptions) {
    const lines = faults.map(({ at, what }) => `  ${at}: ${what}`);
    super([`Cannot use the configuration, faults found: ${faults.length}`, ...lines].join('\n'), options);
    this.faults = faults;
  }
}

/** What a fault shows of a value: enough to find it, too little to fill a screen. */
const LONGEST_SHOWN = 120;

/** A value as it stands in a fault. User information is hidden: a registry address may hold a password. */
export function quoteValue(value: unknown): string {
  if (value === undefined || value === null) return 'nothing';
  const text = typeof value === 'string' ? JSON.stringify(value) : inspect(value, { breakLength: Infinity });
  const hidden = text.replaceAll(/[^\s/"@]*@/g, '[hidden]@');
  return hidden.length > LONGEST_SHOWN ? `${hidden.slice(0, LONGEST_SHOWN)}…` : hidden;
}
