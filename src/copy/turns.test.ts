import { expect, test } from 'vitest';
import { never } from '../../test/fakes/stage.ts';
import { Turns } from './turns.ts';

const [ONE, TWO] = ['one.example.com', 'two.example.com'];

test('of one host so many run at once, the others follow in their order', async () => {
  const turns = new Turns(2);
  const begun: string[] = [];
  const [a, b, c, d] = ['a', 'b', 'c', 'd'].map(async (name) => {
    const end = await turns.next(ONE, never);
    begun.push(name);
    return end;
  });
  const [, endB] = await Promise.all([a, b]);
  expect(begun).toEqual(['a', 'b']);
  endB?.();
  (await c)?.();
  await d;
  expect(begun).toEqual(['a', 'b', 'c', 'd']);
});

test('another host does not wait', async () => {
  const turns = new Turns(1);
  await turns.next(ONE, never);
  await expect(turns.next(TWO, never)).resolves.toBeTypeOf('function');
});

test('a turn that is ended twice makes room once', async () => {
  const turns = new Turns(1);
  const end = await turns.next(ONE, never);
  end();
  end();
  await turns.next(ONE, never);
  const stop = new AbortController();
  const waiting = turns.next(ONE, stop.signal);
  stop.abort(new Error('no room'));
  await expect(waiting).rejects.toThrow('no room');
});

test('whoever gives up while waiting is let go at once, and those behind move up', async () => {
  const turns = new Turns(1);
  const end = await turns.next(ONE, never);
  const stop = new AbortController();
  const [waiting, behind] = [turns.next(ONE, stop.signal), turns.next(ONE, never)];
  stop.abort(new Error('enough'));
  await expect(waiting).rejects.toThrow('enough');
  end();
  await expect(behind).resolves.toBeTypeOf('function');
});

test('a signal that aborted before lets nobody begin', async () => {
  const turns = new Turns(1);
  await expect(turns.next(ONE, AbortSignal.abort(new Error('enough')))).rejects.toThrow('enough');
  await expect(turns.next(ONE, never)).resolves.toBeTypeOf('function');
});
