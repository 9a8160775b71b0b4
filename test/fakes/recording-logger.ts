import type { LogFields, Logger } from '../../src/telemetry/logger.ts';

export interface LogRecord {
  readonly level: keyof Logger;
  readonly message: string;
  readonly fields: LogFields;
}

/** Keeps lines instead of writing them, and lets a test wait for one. */
export class RecordingLogger implements Logger {
  readonly records: LogRecord[] = [];
  readonly #waiting = new Set<() => void>();

  readonly debug = this.#keeper('debug');
  readonly info = this.#keeper('info');
  readonly warn = this.#keeper('warn');
  readonly error = this.#keeper('error');
  readonly fatal = this.#keeper('fatal');

  /** Messages of one level, or all. */
  messages(level?: keyof Logger): string[] {
    return this.records
      .filter((record) => level === undefined || record.level === level)
      .map(({ message }) => message);
  }

  /** Resolves once a line with this message was logged; those of the past count. */
  async logged(message: string): Promise<LogRecord> {
    const found = this.records.find((record) => record.message === message);
    if (found !== undefined) return found;
    await new Promise<void>((resolve) => void this.#waiting.add(resolve));
    return this.logged(message);
  }

  #keeper(level: keyof Logger): (fields: LogFields, message: string) => void {
    return (fields, message) => {
      this.records.push({ level, fields, message });
      for (const wake of this.#waiting) wake();
      this.#waiting.clear();
    };
  }
}
