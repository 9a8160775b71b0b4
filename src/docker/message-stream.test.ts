import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type Message, messagesOf } from './message-stream.ts';

async function* chunksOf(...chunks: readonly (string | Uint8Array)[]): AsyncGenerator<Uint8Array> {
  for (const chunk of chunks) yield typeof chunk === 'string' ? new TextEncoder().encode(chunk) : chunk;
}

async function read(...chunks: readonly (string | Uint8Array)[]): Promise<Message[]> {
  return collect(chunksOf(...chunks));
}

async function collect(chunks: AsyncIterable<Uint8Array>): Promise<Message[]> {
  const messages: Message[] = [];
  for await (const message of messagesOf(chunks, 'pull app')) messages.push(message);
  return messages;
}

describe('a message', () => {
  test.each<[string, Message]>([
    ['{"status":"Pulling from app","id":"latest"}', { status: 'Pulling from app', id: 'latest' }],
    [
      '{"status":"Downloading","progressDetail":{"current":5,"total":9},"progress":"[=>  ]","id":"2c5ba97cb2d3"}',
      { status: 'Downloading', id: '2c5ba97cb2d3', current: 5, total: 9 },
    ],
    ['{"status":"Waiting","progressDetail":{},"id":"a"}', { status: 'Waiting', id: 'a' }],
    [
      '{"status":"Pushing","progressDetail":{"current":5},"id":"a"}',
      { status: 'Pushing', id: 'a', current: 5 },
    ],
    // A size that is not known.
    [
      '{"status":"Pushing","progressDetail":{"current":5,"total":0},"id":"a"}',
      { status: 'Pushing', id: 'a', current: 5 },
    ],
    ['{"status":"x","progressDetail":{"current":-1,"total":"9"}}', { status: 'x', id: '' }],
    ['{"status":"x","progressDetail":{"hidecounts":true}}', { status: 'x', id: '' }],
    ['{"status":"x","progressDetail":null}', { status: 'x', id: '' }],
    ['{"progressDetail":{},"aux":{"Tag":"1","Digest":"sha256:0","Size":7}}', { status: '', id: '' }],
    ['{"status":7,"id":["x"]}', { status: '', id: '' }],
    ['{"status":"x","error":"","errorDetail":null}', { status: 'x', id: '' }],
    ['{}', { status: '', id: '' }],
  ])('%s', async (line, message) => {
    expect(await read(line)).toEqual([message]);
  });

  test.each<[string, string, string]>([
    ['{"errorDetail":{"message":"a"},"error":"b"}', 'FAILED', 'a'],
    ['{"errorDetail":{"code":401,"message":"unauthorized: x"}}', 'UNAUTHORIZED', 'unauthorized: x'],
    ['{"error":"manifest unknown"}', 'NOT_FOUND', 'manifest unknown'],
    ['{"errorDetail":{"message":""},"error":"b"}', 'FAILED', 'b'],
    ['{"errorDetail":{}}', 'FAILED', 'it does not say why'],
    ['{"status":"Pushed","errorDetail":{"message":7}}', 'FAILED', 'it does not say why'],
  ])('%s is an error', async (line, code, why) => {
    await expect(read('{"status":"x"}\n', line)).rejects.toMatchObject({
      code,
      message: `Cannot pull app: ${why}`,
    });
  });

  test.each(['{"status":', 'null', '7', '"text"', '[]', '<html>', '{"status":"x"}{"status":"y"}', '\u0000'])(
    'is not %j',
    async (line) => {
      await expect(read('{"status":"x"}\r\n', `${line}\r\n`)).rejects.toMatchObject({ code: 'PROTOCOL' });
    },
  );
});

describe('a stream', () => {
  test('may be empty, and may have empty lines', async () => {
    expect(await read()).toEqual([]);
    expect(await read('\r\n', '\n \n', '{"status":"x"}\r\n\r\n')).toEqual([{ status: 'x', id: '' }]);
  });

  test('hands on what came before an error', async () => {
    const seen: string[] = [];
    async function reading(): Promise<void> {
      for await (const { status } of messagesOf(chunksOf('{"status":"x"}\n{"error":"e"}\n'), 'pull app'))
        seen.push(status);
    }
    await expect(reading()).rejects.toMatchObject({ code: 'FAILED' });
    expect(seen).toEqual(['x']);
  });

  test('is the same, however it is cut', async () => {
    const status = fc.string({ unit: 'grapheme', maxLength: 20 });
    const cuts = fc.array(fc.nat(400), { maxLength: 10 });
    await fc.assert(
      fc.asyncProperty(fc.array(status, { maxLength: 10 }), cuts, async (statuses, places) => {
        const bytes = Buffer.from(statuses.map((one) => `${JSON.stringify({ status: one })}\r\n`).join(''));
        const ends = [...places, bytes.length].toSorted((one, other) => one - other);
        const chunks = ends.map((end, at) => bytes.subarray(ends[at - 1] ?? 0, end));
        expect(await read(...chunks)).toEqual(statuses.map((one) => ({ status: one, id: '' })));
      }),
    );
  });

  test('with a line that never ends is given up', async () => {
    let sent = 0;
    async function* endless(): AsyncGenerator<Uint8Array> {
      for (; ; sent += 1) yield Buffer.alloc(64 * 1024, 'x');
    }
    await expect(collect(endless())).rejects.toMatchObject({ code: 'TOO_LARGE' });
    expect(sent).toBeLessThan(20);
  });
});
