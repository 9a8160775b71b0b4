import { once } from 'node:events';
import { connect as connectPlain, createServer, type Socket } from 'node:net';
import { buffer } from 'node:stream/consumers';
import { setImmediate as turn } from 'node:timers/promises';
import { connect as connectTls, createServer as createTlsServer } from 'node:tls';
import { type Arbitrary, array, assert, asyncProperty, integer, nat, oneof, record } from 'fast-check';
import { beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { type LoopbackCertificate, makeLoopbackCertificate } from '../../test/fakes/loopback-certificate.ts';
import { randomBytes } from '../../test/images/random-bytes.ts';
import { ReadBuffers } from '../buffers/read-buffers.ts';
import { readingInto } from './socket-reader.ts';

const KIB = 1024;
const MIB = 1024 * KIB;
/** Most that a record of TLS holds. */
const RECORD = 16 * KIB;

let certificate: LoopbackCertificate;
beforeAll(async () => {
  certificate = await makeLoopbackCertificate();
});

interface Ends {
  /** Reads into the buffers. */
  readonly reader: Socket;
  readonly writer: Socket;
}

describe.each(['without TLS', 'by TLS'])('%s', (way) => {
  async function connected(buffers = new ReadBuffers()): Promise<Ends> {
    const isPlain = way === 'without TLS';
    const accepted = Promise.withResolvers<Socket>();
    const server = isPlain ? createServer(accepted.resolve) : createTlsServer(certificate, accepted.resolve);
    await once(server.listen(0, '127.0.0.1'), 'listening');
    const address = server.address();
    if (address === null || typeof address === 'string') throw new Error('want a port');
    const options = { host: '127.0.0.1', port: address.port, onread: readingInto(buffers) };
    const reader = isPlain ? connectPlain(options) : connectTls({ ...options, ca: certificate.ca });
    const writer = await accepted.promise;
    // Whatever the other end thinks of it.
    writer.on('error', () => {});
    onTestFinished(() => {
      for (const end of [reader, writer]) end.destroy();
      server.close();
    });
    return { reader, writer };
  }

  /** @returns where this can be read, and then the end */
  async function reading(content: Buffer, buffers?: ReadBuffers): Promise<Socket> {
    const { reader, writer } = await connected(buffers);
    writer.end(content);
    return reader;
  }

  test.each([0, 1, RECORD - 1, RECORD, RECORD + 1, 3 * RECORD, 512 * KIB, 512 * KIB + 1, 5 * MIB + 17])(
    'what is read of %i bytes is what was sent, to the last one',
    async (size) => {
      const content = Buffer.concat([...randomBytes(1, size)]);
      expect((await buffer(await reading(content))).equals(content)).toBe(true);
    },
  );

  test('an answer is there although nothing comes behind it, be it full records or none', async () => {
    const { reader, writer } = await connected();
    for (const size of [1, RECORD, 100, 2 * RECORD, 700 * KIB, 10]) {
      writer.write(Buffer.alloc(size, 1));
      expect(await take(size, reader)).toHaveLength(size);
    }
  });

  test.each([32, 33, 34, 36, 40])(
    'of %i full records none waits for more to come, however late they are read',
    async (count) => {
      const { reader, writer } = await connected();
      writer.write(Buffer.alloc(count * RECORD, 1));
      expect(await take(count * RECORD, reader, { pauses: [20] })).toHaveLength(count * RECORD);
    },
  );

  test('what is read stays as it is for who keeps it, while the buffers of others are used again', async () => {
    const content = Buffer.concat([...randomBytes(2, 4 * MIB)]);
    const buffers = new ReadBuffers();
    const kept = buffer(await reading(content, buffers));
    const other = await reading(Buffer.alloc(8 * MIB, 1), buffers);
    for await (const chunk of other) buffers.giveBack(chunk);
    expect((await kept).equals(content)).toBe(true);
  });

  test('it goes through a few buffers where each is given back, however much it is', async () => {
    const buffers = new ReadBuffers();
    const used = new Set<ArrayBufferLike>();
    let bytes = 0;
    let chunks = 0;
    for await (const chunk of await reading(Buffer.alloc(64 * MIB, 1), buffers)) {
      bytes += chunk.length;
      chunks += 1;
      used.add(chunk.buffer);
      buffers.giveBack(chunk);
    }
    expect(bytes).toBe(64 * MIB);
    // Each read in a buffer of its own would be 128 at the least, and 4096 records.
    expect(used.size).toBeLessThan(64);
    expect(chunks).toBeLessThan(2048);
  });

  test('no more is read than the reader wants', async () => {
    const { reader, writer } = await connected();
    expect(writer.write(Buffer.alloc(64 * MIB))).toBe(false);
    await once(reader, 'readable');
    // Whatever has come by now, and whatever else would.
    await turns(100);
    expect(reader.readableLength).toBeLessThan(MIB);
    expect(reader.bytesRead).toBeLessThan(8 * MIB);
  });

  test('who closes meanwhile has no more to do with it', async () => {
    const { reader, writer } = await connected();
    writer.write(Buffer.alloc(RECORD));
    writer.write(Buffer.alloc(64 * MIB));
    await once(reader, 'readable');
    reader.destroy();
    await once(reader, 'close');
    await turns(10);
    expect(reader.errored).toBeNull();
  });

  test('however it is written and read, it is what was sent, and nothing waits for what comes behind it', async () => {
    const size = oneof(integer({ min: 1, max: 200 }), records(40), integer({ min: 1, max: 300 * KIB }));
    const steps = array(record({ size, pause: nat(3) }), { maxLength: 15 });
    await assert(
      asyncProperty(steps, array(nat(9), { minLength: 10 }), async (written, pauses) => {
        const buffers = new ReadBuffers();
        const { reader, writer } = await connected(buffers);
        const pieces = written.map((step, index) => Buffer.alloc(step.size, index + 1));
        const sent = Buffer.concat(pieces);
        const taken = take(sent.length, reader, { pauses, buffers });
        for (const [index, piece] of pieces.entries()) {
          writer.write(piece);
          await turns(written[index]?.pause ?? 0);
        }
        expect((await taken).equals(sent)).toBe(true);
      }),
      { numRuns: 60 },
    );
  });
});

/** A number of full records, in bytes. */
function records(most: number): Arbitrary<number> {
  return integer({ min: 1, max: most }).map((count) => count * RECORD);
}

async function turns(count: number): Promise<void> {
  for (let left = count; left > 0; left--) await turn();
}

interface Taking {
  /** Turns of the event loop before each read, over and over. */
  readonly pauses?: readonly number[];
  /** Where all is given back to. */
  readonly buffers?: ReadBuffers;
}

/** Reads so many bytes, or more. */
async function take(
  size: number,
  reader: Socket,
  { pauses = [0], buffers = new ReadBuffers() }: Taking = {},
): Promise<Buffer> {
  const taken: Buffer[] = [];
  for (let got = 0; got < size; got += taken.at(-1)?.length ?? 0) {
    await turns(pauses[taken.length % pauses.length] ?? 0);
    const chunk = await next(reader);
    taken.push(Buffer.from(chunk));
    buffers.giveBack(chunk);
  }
  return Buffer.concat(taken);
}

async function next(reader: Socket): Promise<Buffer> {
  for (;;) {
    const chunk: Buffer | null = reader.read();
    if (chunk !== null) return chunk;
    await once(reader, 'readable');
  }
}
