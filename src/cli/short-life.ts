import { setFlagsFromString } from 'node:v8';

/** Bytes of code that may run before; V8 has 13 million, which the parser has used up after some hundred reads. */
const BUDGET = 2_000_000_000;

/**
 * For a process that ends with its job. V8 compiles the parser of HTTP, which is WebAssembly, once more and better when it
 * was busy: a tenth of a second of the processor and 25 MB, which a gigabyte does not earn back, because few of its bytes
 * are heads.
 *
 * To be called before the first request.
 */
export function expectShortLife(): void {
  setFlagsFromString(`--wasm-tiering-budget=${BUDGET}`);
}
