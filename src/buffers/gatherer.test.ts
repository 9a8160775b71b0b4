import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { Gatherer, type Patience } from './gatherer.ts';
import { ReadBuffers } from './read-buffers.ts';

const KIB = 1024;
const LARGE = 64 * KIB;

function start(patience?: Patience): { gatherer: Gatherer; handed: Buffer[] } {
  const handed: Buffer[] = [];
  return { gatherer: new Gatherer(new ReadBuffers(), (chunk) => handed.push(chunk), patience), handed };
}

function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

test('what one turn of the event loop brings goes on as one chunk', async () => {
  const { gatherer, handed } = start();
  for (const text of ['the ', 'content ', 'of a blob']) gatherer.take(Buffer.from(text));
  expect(handed).toEqual([]);
  await turn();
  expect(handed.map(String)).toEqual(['the content of a blob']);
});

test('each turn begins anew', async () => {
  const { gatherer, handed } = start();
  for (const text of ['one', 'two']) {
    gatherer.take(Buffer.from(text));
    await turn();
  }
  await turn();
  expect(handed.map(String)).toEqual(['one', 'two']);
});

test('a large chunk goes on as it is, behind what came before it', () => {
  const { gatherer, handed } = start();
  const large = Buffer.alloc(LARGE, 1);
  gatherer.take(Buffer.from('before'));
  gatherer.take(large);
  expect([handed.map(({ length }) => length), handed[1] === large]).toEqual([['before'.length, LARGE], true]);
});

test('a full buffer does not wait for the end of the turn', () => {
  const { gatherer, handed } = start();
  const whole = new ReadBuffers().take().length;
  for (let size = 0; size <= whole; size += 16 * KIB) gatherer.take(Buffer.alloc(16 * KIB, 1));
  expect(handed.map(({ length }) => length)).toEqual([whole]);
});

test('with patience pieces wait for a full buffer, over any number of turns, or until they are asked for', async () => {
  const { gatherer, handed } = start('full');
  const whole = new ReadBuffers().take().length;
  for (let size = 0; size <= whole; size += 16 * KIB) {
    expect(handed).toEqual([]);
    gatherer.take(Buffer.alloc(16 * KIB, 1));
    await turn();
  }
  expect(handed.map(({ length }) => length)).toEqual([whole]);
  gatherer.flush();
  expect(handed.map(({ length }) => length)).toEqual([whole, 16 * KIB]);
});

test('a fault of who takes the chunks is told to who gives the pieces, and nothing is handed on twice', () => {
  const handed: string[] = [];
  const gatherer = new Gatherer(
    new ReadBuffers(),
    (chunk) => {
      handed.push(String(chunk));
      throw new Error('enough');
    },
    'full',
  );
  gatherer.take(Buffer.from('wrong'));
  expect(() => gatherer.flush()).toThrow('enough');
  gatherer.flush();
  expect(handed).toEqual(['wrong']);
});

test('the memory of a piece may be used again as soon as it was taken', async () => {
  const { gatherer, handed } = start();
  const piece = Buffer.from('first');
  gatherer.take(piece);
  piece.fill('x');
  await turn();
  expect(handed.map(String)).toEqual(['first']);
});

test('what is asked for goes on at once, and only once', async () => {
  const { gatherer, handed } = start();
  gatherer.take(Buffer.from('now'));
  gatherer.flush();
  gatherer.flush();
  await turn();
  expect(handed.map(String)).toEqual(['now']);
});

test('what is dropped never comes', async () => {
  const { gatherer, handed } = start();
  gatherer.take(Buffer.from('gone'));
  gatherer.drop();
  await turn();
  expect(handed).toEqual([]);
});

test('whatever the pieces are, what goes on is what came, in its order', () => {
  const size = fc.oneof(fc.nat({ max: 40 * KIB }), fc.integer({ min: LARGE - 1, max: LARGE + 1 }));
  fc.assert(
    fc.property(fc.array(size, { maxLength: 40 }), fc.constantFrom('turn', 'full'), (sizes, patience) => {
      const { gatherer, handed } = start(patience);
      const pieces = sizes.map((length, index) => Buffer.alloc(length, index));
      for (const piece of pieces) gatherer.take(piece);
      gatherer.flush();
      expect(Buffer.concat(handed).equals(Buffer.concat(pieces))).toBe(true);
    }),
    { numRuns: 50 },
  );
});
