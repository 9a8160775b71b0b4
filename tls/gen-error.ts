/** Why `gen` did not do its work. `code` is stable; the message is for the person at the terminal. */
export class GenError extends Error {
  readonly code: 'BAD_ARGUMENT' | 'CANNOT_READ' | 'CANNOT_WRITE' | 'BAD_AUTHORITY';

  constructor(code: GenError['code'], message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'GenError';
    this.code = code;
  }
}
