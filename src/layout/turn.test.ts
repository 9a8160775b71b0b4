import { expect, test } from 'vitest';
import { inTurn } from './turn.ts';

test('what concerns one path runs in the order it was begun', async () => {
  const gate = Promise.withResolvers<void>();
  const order: string[] = [];
  const first = inTurn('/a', async () => {
    await gate.promise;
    order.push('first');
  });
  const second = inTurn('/a', async () => order.push('second'));
  await inTurn('/b', async () => order.push('elsewhere'));
  gate.resolve();
  await Promise.all([first, second]);
  expect(order).toEqual(['elsewhere', 'first', 'second']);
});

test("a failure is its own caller's, and the next one runs", async () => {
  const failing = inTurn('/a', () => Promise.reject(new Error('full')));
  const next = inTurn('/a', async () => 'ran');
  await expect(failing).rejects.toThrow('full');
  expect(await next).toBe('ran');
});
