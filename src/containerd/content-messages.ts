/** What came breaks the rules of the protocol. */
export class InvalidMessageError extends Error {
  override readonly name = 'InvalidMessageError';
}

/** What containerd sends and takes at most in one message (its `defaults.DefaultMaxRecvMsgSize`), in bytes. */
export const LARGEST_MESSAGE = 16 * 1024 * 1024;
/** Before each message: whether it is compressed, and its length (gRPC, `PROTOCOL-HTTP2.md`). */
const PREFIX = 5;
/** Bytes of the longest number, seven bits in each (Protocol Buffers, "Encoding"). */
const LONGEST_NUMBER = 10;
/** How the value of a field is written: the last three bits of what stands before it. */
const WIRE = { number: 0, eightBytes: 1, bytes: 2, fourBytes: 5 } as const;
/** `data` of `ReadContentResponse`. */
const DATA = (2 << 3) | WIRE.bytes;
const NOTHING = Buffer.alloc(0);

/** What stands before a value: its own length, that of the value, and whether the value is content. */
interface Head {
  readonly length: number;
  readonly value: number;
  readonly isContent: boolean;
}

/**
 * Takes the content out of `ReadContentResponse` messages as they come. A message has a megabyte and is never put
 * together: pieces are parts of the memory that they came in.
 */
export class ContentMessages {
  /** Bytes of the present value that are still to come, and of its message behind them. */
  #value = 0;
  #message = 0;
  #isContent = false;
  /** What came of a head that is not all there. */
  #begun: Buffer = NOTHING;

  /** @returns the content in it @throws InvalidMessageError */
  take(chunk: Buffer): readonly Buffer[] {
    const pieces: Buffer[] = [];
    let rest = this.#begun.length === 0 ? chunk : Buffer.concat([this.#begun, chunk]);
    this.#begun = NOTHING;
    while (rest.length > 0) {
      const head = this.#value === 0 ? this.#begin(rest) : 0;
      if (head === undefined) {
        this.#begun = rest;
        break;
      }
      const piece = rest.subarray(head, head + this.#value);
      this.#value -= piece.length;
      if (this.#isContent && piece.length > 0) pieces.push(piece);
      rest = rest.subarray(head + piece.length);
    }
    return pieces;
  }

  /** To be called when there is no more. @throws InvalidMessageError when more was to come */
  finish(): void {
    if (this.#value + this.#message + this.#begun.length > 0)
      throw new InvalidMessageError('it ends within a message');
  }

  /** @returns the length of the head that `bytes` begin with; undefined when not all of it is there */
  #begin(bytes: Buffer): number | undefined {
    if (this.#message > 0) return this.#beginField(bytes);
    if (bytes.length < PREFIX) return undefined;
    if (bytes.readUInt8() !== 0) throw new InvalidMessageError('a message is compressed');
    const length = bytes.readUInt32BE(1);
    if (length > LARGEST_MESSAGE)
      throw new InvalidMessageError(`wanted messages of at most ${LARGEST_MESSAGE} bytes, got ${length}`);
    this.#message = length;
    return PREFIX;
  }

  #beginField(bytes: Buffer): number | undefined {
    const head = readField(bytes);
    const length = head === undefined ? bytes.length + 1 : head.length + head.value;
    if (length > this.#message) throw new InvalidMessageError('a field is longer than its message');
    if (head === undefined) return undefined;
    this.#message -= length;
    this.#value = head.value;
    this.#isContent = head.isContent;
    return head.length;
  }
}

/** @returns undefined when not all of the head is there */
function readField(bytes: Buffer): Head | undefined {
  const tag = readNumber(bytes, 0);
  if (tag === undefined) return undefined;
  const wire = tag.number & 7;
  if (wire === WIRE.eightBytes) return { length: tag.end, value: 8, isContent: false };
  if (wire === WIRE.fourBytes) return { length: tag.end, value: 4, isContent: false };
  if (wire !== WIRE.number && wire !== WIRE.bytes)
    throw new InvalidMessageError(`a field is written in an unknown way (${wire})`);
  const value = readNumber(bytes, tag.end);
  if (value === undefined) return undefined;
  return wire === WIRE.number
    ? { length: value.end, value: 0, isContent: false }
    : { length: value.end, value: value.number, isContent: tag.number === DATA };
}

/** @returns undefined when it goes on behind the bytes */
function readNumber(
  bytes: Buffer,
  begin: number,
): { readonly number: number; readonly end: number } | undefined {
  let number = 0;
  for (let at = begin; at < bytes.length; at += 1) {
    if (at - begin === LONGEST_NUMBER) throw new InvalidMessageError('a number is too long');
    const byte = bytes.readUInt8(at);
    number += (byte & 127) * 128 ** (at - begin);
    if (byte < 128) return { number, end: at + 1 };
  }
  return undefined;
}
