import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { NotHttpError, type Part, RequestReader } from './request-reader.ts';

/** The parts of a stream of pieces; neighbouring parts of one body are joined. */
function read(...pieces: readonly (Buffer | string)[]): readonly (string | [string, string])[] {
  const reader = new RequestReader();
  const parts = pieces.flatMap((piece) => [...reader.read(Buffer.from(piece))]);
  return joined(parts);
}

function joined(parts: readonly Part[]): (string | [string, string])[] {
  const seen: (string | [string, string])[] = [];
  for (const part of parts) {
    const last = seen.at(-1);
    if (part.type === 'end') seen.push('end');
    else if (part.type === 'head') seen.push(`${part.head.method} ${part.head.target}`);
    else if (Array.isArray(last)) last[1] += part.bytes.toString('latin1');
    else seen.push(['body', part.bytes.toString('latin1')]);
  }
  return seen;
}

const GET = 'GET /v2/ HTTP/1.1\r\nHost: a\r\n\r\n';
const PUT = 'PUT /v2/a/blobs/x?b=c HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n12345';
const EMPTY_POST = 'POST /v2/a/ HTTP/1.1\r\ncontent-length: 0\r\n\r\n';
const CHUNKED = 'PATCH /up HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n';
const CHUNKS = '5\r\nab\r\nc\r\nA;note=1\r\n0123456789\r\n0\r\n\r\n';

describe('a request', () => {
  test.each([
    { title: 'without a body', bytes: GET, wanted: ['GET /v2/', 'end'] },
    { title: 'with a length', bytes: PUT, wanted: ['PUT /v2/a/blobs/x?b=c', ['body', '12345'], 'end'] },
    { title: 'with the length 0', bytes: EMPTY_POST, wanted: ['POST /v2/a/', 'end'] },
    { title: 'in chunks', bytes: CHUNKED + CHUNKS, wanted: ['PATCH /up', ['body', CHUNKS], 'end'] },
    {
      title: 'in no chunks',
      bytes: `${CHUNKED}0\r\n\r\n`,
      wanted: ['PATCH /up', ['body', '0\r\n\r\n'], 'end'],
    },
    {
      title: 'in chunks with a trailer',
      bytes: `${CHUNKED}1\r\nx\r\n0\r\nDigest: y\r\n\r\n`,
      wanted: ['PATCH /up', ['body', '1\r\nx\r\n0\r\nDigest: y\r\n\r\n'], 'end'],
    },
  ])('$title is read', ({ bytes, wanted }) => {
    expect(read(bytes)).toEqual(wanted);
  });

  test('has its header names in lower case and its bytes as they came', () => {
    const [part] = new RequestReader().read(
      Buffer.from('HEAD /x HTTP/1.1\r\nX-One:  two words \r\n\r\nrest'),
    );
    expect(part).toMatchObject({ type: 'head', head: { method: 'HEAD', target: '/x' } });
    if (part?.type !== 'head') throw new Error('no head');
    expect(part.head.headers.get('x-one')).toBe('two words');
    expect(part.head.bytes.toString()).toBe('HEAD /x HTTP/1.1\r\nX-One:  two words \r\n\r\n');
  });

  test('is not announced before its head is whole', () => {
    expect(read('GET /v2/ HTTP/1.1\r\nHost: a\r\n')).toEqual([]);
  });
});

test('several requests on one connection are read however their bytes were cut', () => {
  const all = Buffer.from(GET + PUT + CHUNKED + CHUNKS + EMPTY_POST + GET);
  const wanted = read(all);
  expect(wanted.filter((part) => part === 'end')).toHaveLength(5);
  const cuts = fc.array(fc.integer({ min: 0, max: all.length }), { maxLength: 12 });
  fc.assert(
    fc.property(cuts, (places) => {
      const edges = [0, ...places.toSorted((one, other) => one - other), all.length];
      const pieces = edges.slice(1).map((end, index) => all.subarray(edges[index], end));
      expect(read(...pieces)).toEqual(wanted);
    }),
  );
});

test('all bytes of the client are in the parts, in their order', () => {
  const all = GET + PUT + CHUNKED + CHUNKS;
  const parts = [...new RequestReader().read(Buffer.from(all))];
  const bytes = parts.flatMap((part) => {
    if (part.type === 'end') return [];
    return [part.type === 'head' ? part.head.bytes : part.bytes];
  });
  expect(Buffer.concat(bytes).toString()).toBe(all);
});

test.each([
  ['the first bytes of a TLS connection', Buffer.from([0x16, 0x03, 0x01, 0x02, 0x00])],
  ['a small letter', Buffer.from('get / HTTP/1.1\r\n\r\n')],
  ['a head without an end', Buffer.alloc(1_100_000, 'A')],
])('%s is not taken for a request', (_, bytes) => {
  expect(() => [...new RequestReader().read(bytes)]).toThrow(NotHttpError);
});
