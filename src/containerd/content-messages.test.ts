import { array, assert, nat, oneof, property, uint8Array } from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ContentMessages, InvalidMessageError, LARGEST_MESSAGE } from './content-messages.ts';

/** A number as Protocol Buffers write it. */
function number(value: number): Buffer {
  const bytes: number[] = [];
  let rest = value;
  for (; rest > 127; rest = Math.floor(rest / 128)) bytes.push((rest % 128) | 128);
  return Buffer.from([...bytes, rest]);
}

function field(at: number, wire: number, value: Buffer): Buffer {
  return Buffer.concat([number(at * 8 + wire), value]);
}

function bytesField(at: number, value: Buffer): Buffer {
  return field(at, 2, Buffer.concat([number(value.length), value]));
}

function message(...fields: readonly Buffer[]): Buffer {
  const body = Buffer.concat(fields);
  const prefix = Buffer.alloc(5);
  prefix.writeUInt32BE(body.length, 1);
  return Buffer.concat([prefix, body]);
}

/** The content in chunks, one after the other. */
function contentOf(...chunks: readonly Buffer[]): Buffer {
  const messages = new ContentMessages();
  const pieces = chunks.flatMap((chunk) => messages.take(chunk));
  messages.finish();
  return Buffer.concat(pieces);
}

function cut(bytes: Buffer, ends: readonly number[]): readonly Buffer[] {
  const places = [0, ...ends.map((end) => end % (bytes.length + 1)).toSorted((a, b) => a - b), bytes.length];
  return places.slice(1).map((end, index) => bytes.subarray(places[index], end));
}

const content = Buffer.from('content');

describe('messages', () => {
  test.each<[string, Buffer, string]>([
    ['none', Buffer.alloc(0), ''],
    [
      'one with an offset and content, as containerd sends it',
      message(field(1, 0, number(300)), bytesField(2, content)),
      'content',
    ],
    ['without an offset', message(bytesField(2, content)), 'content'],
    ['the offset behind the content', message(bytesField(2, content), field(1, 0, number(7))), 'content'],
    [
      'two',
      Buffer.concat([message(bytesField(2, content)), message(bytesField(2, content))]),
      'contentcontent',
    ],
    ['empty', Buffer.concat([message(), message(bytesField(2, content)), message()]), 'content'],
    ['with empty content', message(bytesField(2, Buffer.alloc(0))), ''],
    ['with the largest offset', message(field(1, 0, number(2 ** 53 - 1)), bytesField(2, content)), 'content'],
    [
      'with a negative offset',
      message(field(1, 0, Buffer.from('ffffffffffffffffff01', 'hex')), bytesField(2, content)),
      'content',
    ],
    [
      'with fields of another version',
      message(
        bytesField(3, Buffer.from('other')),
        field(4, 1, Buffer.alloc(8, 1)),
        field(5, 5, Buffer.alloc(4, 1)),
        field(2, 0, number(9)),
        bytesField(1_000, Buffer.from('other')),
        bytesField(2, content),
      ),
      'content',
    ],
  ])('%s', (_, bytes, wanted) => {
    expect(contentOf(bytes).toString()).toBe(wanted);
    // A byte at a time.
    expect(contentOf(...cut(bytes, [...bytes.keys()])).toString()).toBe(wanted);
  });

  test('of any size are taken out of chunks of any size', () => {
    const fields = oneof(
      uint8Array({ maxLength: 300 }).map((value) => ({ value: Buffer.from(value), at: 2 })),
      uint8Array({ maxLength: 9 }).map((value) => ({ value: Buffer.from(value), at: 3 })),
    );
    const messages = array(array(fields, { maxLength: 3 }), { maxLength: 5 });
    assert(
      property(messages, array(nat(), { maxLength: 12 }), (made, ends) => {
        const bytes = Buffer.concat(
          made.map((one) => message(...one.map(({ at, value }) => bytesField(at, value)))),
        );
        const wanted = made.flat().flatMap(({ at, value }) => (at === 2 ? [value] : []));
        expect(contentOf(...cut(bytes, ends))).toEqual(Buffer.concat(wanted));
      }),
    );
  });

  test('are not copied', () => {
    const bytes = message(bytesField(2, content));
    const [piece] = new ContentMessages().take(bytes);
    expect(piece?.buffer).toBe(bytes.buffer);
    expect(piece?.byteOffset).toBe(bytes.byteOffset + bytes.length - content.length);
  });
});

/** The beginning of a message with that many bytes. */
function prefixOf(length: number, flag = 0): Buffer {
  const prefix = Buffer.alloc(5, flag);
  prefix.writeUInt32BE(length, 1);
  return prefix;
}

describe('what is no message', () => {
  const tooLong = Buffer.alloc(12, 0xff);
  test.each<[string, Buffer, string]>([
    ['compressed', Buffer.concat([prefixOf(3, 1), Buffer.alloc(3)]), 'a message is compressed'],
    [
      'too large',
      prefixOf(LARGEST_MESSAGE + 1),
      `wanted messages of at most ${LARGEST_MESSAGE} bytes, got ${LARGEST_MESSAGE + 1}`,
    ],
    ['the page of a web server', Buffer.from('<html>'), 'a message is compressed'],
    [
      'longer inside than outside',
      Buffer.concat([prefixOf(4), bytesField(2, content)]),
      'a field is longer than its message',
    ],
    [
      'longer inside by far',
      message(field(2, 2, Buffer.from('ffffffffffffffff7f', 'hex'))),
      'a field is longer than its message',
    ],
    [
      'cut in a number, and told to be',
      message(Buffer.from([0x08, 0x80])),
      'a field is longer than its message',
    ],
    [
      'a fixed field that is cut',
      message(field(4, 1, Buffer.alloc(7))),
      'a field is longer than its message',
    ],
    ['a number without end', message(field(1, 0, tooLong)), 'a number is too long'],
    ['a tag without end', message(tooLong), 'a number is too long'],
    ['a group', message(field(3, 3, Buffer.alloc(0))), 'a field is written in an unknown way (3)'],
    ['of no known kind', message(field(3, 7, Buffer.alloc(1))), 'a field is written in an unknown way (7)'],
  ])('is refused: %s', (_, bytes, why) => {
    expect(() => contentOf(bytes)).toThrow(new InvalidMessageError(why));
    expect(() => contentOf(...cut(bytes, [...bytes.keys()]))).toThrow(InvalidMessageError);
  });

  test('is refused when it is cut anywhere', () => {
    const whole = message(field(1, 0, number(300)), bytesField(2, content));
    for (let end = 1; end < whole.length; end += 1)
      expect(() => contentOf(whole.subarray(0, end))).toThrow(
        new InvalidMessageError('it ends within a message'),
      );
  });
});
