/** The start of a request as it came: the bytes to pass on, and what a proxy wants to know of them. */
export interface RequestHead {
  readonly bytes: Buffer;
  readonly method: string;
  /** Path and query. */
  readonly target: string;
  /** Names in lower case. */
  readonly headers: ReadonlyMap<string, string>;
}

/** What a connection's bytes are made of, in order. A body has no part when it is empty, else one or more. */
export type Part =
  | { readonly type: 'head'; readonly head: RequestHead }
  | { readonly type: 'body'; readonly bytes: Buffer }
  | { readonly type: 'end' };

/** Bytes that are no HTTP/1 request: clients that try TLS first send such. */
export class NotHttpError extends Error {
  readonly code = 'NOT_HTTP';

  constructor(bytes: Buffer) {
    super(`Cannot read the request: wanted a method, got ${JSON.stringify(bytes.toString('latin1', 0, 20))}`);
    this.name = 'NotHttpError';
  }
}

/** Finds where a body ends. @returns how many bytes of the piece belong to it, and whether it ends with them */
type MeasureBody = (piece: Buffer) => { readonly length: number; readonly isLast: boolean };

const HEAD_END = '\r\n\r\n';
/** What Go's and Node's servers allow a head, about: more is not HTTP. */
const LARGEST_HEAD = 1024 * 1024;

/** Cuts the bytes that a client sends on one connection into requests (RFC 9112), however they were cut before. */
export class RequestReader {
  /** The start of a head whose end has not come yet. */
  #pending: Buffer = Buffer.alloc(0);
  #measureBody: MeasureBody | undefined;

  /** @throws NotHttpError */
  *read(piece: Buffer): Generator<Part> {
    let rest = piece;
    while (rest.length > 0) {
      if (this.#measureBody === undefined) {
        const read = this.#readHead(rest);
        if (read === undefined) return;
        yield { type: 'head', head: read.head };
        rest = read.rest;
        this.#measureBody = measureOf(read.head);
        if (this.#measureBody === undefined) yield { type: 'end' };
      } else {
        const { length, isLast } = this.#measureBody(rest);
        if (length > 0) yield { type: 'body', bytes: rest.subarray(0, length) };
        rest = rest.subarray(length);
        if (!isLast) continue;
        this.#measureBody = undefined;
        yield { type: 'end' };
      }
    }
  }

  #readHead(piece: Buffer): { readonly head: RequestHead; readonly rest: Buffer } | undefined {
    const bytes = this.#pending.length === 0 ? piece : Buffer.concat([this.#pending, piece]);
    const end = bytes.indexOf(HEAD_END);
    if (!isUpperCase(bytes[0]) || (end === -1 && bytes.length > LARGEST_HEAD)) throw new NotHttpError(bytes);
    this.#pending = end === -1 ? bytes : Buffer.alloc(0);
    if (end === -1) return undefined;
    const length = end + HEAD_END.length;
    return { head: parseHead(bytes.subarray(0, length)), rest: bytes.subarray(length) };
  }
}

function isUpperCase(byte = 0): boolean {
  return byte >= 0x41 && byte <= 0x5a;
}

function parseHead(bytes: Buffer): RequestHead {
  const [first = '', ...lines] = bytes.toString('latin1').trimEnd().split('\r\n');
  const [method = '', target = ''] = first.split(' ');
  const headers = new Map(
    lines.map((line) => {
      const colon = line.indexOf(':');
      return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()];
    }),
  );
  return { bytes, method, target, headers };
}

/** @returns undefined where there is no body */
function measureOf({ headers }: RequestHead): MeasureBody | undefined {
  if (headers.get('transfer-encoding')?.toLowerCase().endsWith('chunked') === true) return chunkedBody();
  const length = Number(headers.get('content-length') ?? 0);
  return length > 0 ? countedBody(length) : undefined;
}

function countedBody(total: number): MeasureBody {
  let left = total;
  return (piece) => {
    const length = Math.min(left, piece.length);
    left -= length;
    return { length, isLast: left === 0 };
  };
}

/** Chunks are `size CRLF bytes CRLF`; the one of size 0 has no bytes, and lines up to an empty one end it. */
function chunkedBody(): MeasureBody {
  let line = '';
  let toSkip = 0;
  let inTrailer = false;

  /** @returns true at the end of the body */
  function takeLine(): boolean {
    const text = line.trim();
    line = '';
    if (inTrailer) return text === '';
    const size = Number.parseInt(text, 16);
    if (size === 0) inTrailer = true;
    else toSkip = size + '\r\n'.length;
    return false;
  }

  return (piece) => {
    let at = 0;
    while (at < piece.length) {
      const skipped = Math.min(toSkip, piece.length - at);
      toSkip -= skipped;
      at += skipped;
      if (at === piece.length) break;
      const newline = piece.indexOf('\n', at);
      const end = newline === -1 ? piece.length : newline + 1;
      line += piece.toString('latin1', at, end);
      at = end;
      if (newline !== -1 && takeLine()) return { length: at, isLast: true };
    }
    return { length: at, isLast: false };
  };
}
