import { describe, expect, test } from 'vitest';
import { AnswerCache, type FreshAnswer } from './answer-cache.ts';

function answering(
  value: string,
  key: string,
  holdMs = 1000,
): { asked: number; ask: () => Promise<FreshAnswer<string>> } {
  const question = {
    asked: 0,
    ask: (): Promise<FreshAnswer<string>> => {
      question.asked += 1;
      return Promise.resolve({ value, key, holdMs });
    },
  };
  return question;
}

describe('AnswerCache', () => {
  test('repeats an answer for its time, counted from when it was asked for', async () => {
    let time = 0;
    const cache = new AnswerCache<string>(() => time);
    const gate = Promise.withResolvers<FreshAnswer<string>>();
    const first = cache.get(['k'], () => gate.promise);
    time = 400;
    gate.resolve({ value: 'one', key: 'k', holdMs: 1000 });
    expect(await first).toBe('one');
    const second = answering('two', 'k');
    time = 999;
    expect(await cache.get(['k'], second.ask)).toBe('one');
    time = 1000;
    expect(await cache.get(['k'], second.ask)).toBe('two');
  });

  test('finds an answer under any of the keys, the first before the others', async () => {
    const cache = new AnswerCache<string>(() => 0);
    await cache.get(['image a'], answering('for all', 'global').ask);
    await cache.get(['image b'], answering('for b', 'image b').ask);
    const unused = answering('unused', 'x');
    expect(await cache.get(['image c', 'global'], unused.ask)).toBe('for all');
    expect(await cache.get(['image b', 'global'], unused.ask)).toBe('for b');
    expect(unused.asked).toBe(0);
  });

  test('asks an equal question once at a time, and different ones apart', async () => {
    const cache = new AnswerCache<string>(() => 0);
    const one = answering('one', 'one', 0);
    const two = answering('two', 'two', 0);
    const answers = await Promise.all([
      cache.get(['a'], one.ask),
      cache.get(['a'], one.ask),
      cache.get(['b'], two.ask),
    ]);
    expect(answers).toEqual(['one', 'one', 'two']);
    expect([one.asked, two.asked]).toEqual([1, 1]);
    await cache.get(['a'], one.ask);
    expect(one.asked).toBe(2);
  });

  test('does not keep a failure', async () => {
    const cache = new AnswerCache<string>(() => 0);
    await expect(cache.get(['a'], () => Promise.reject(new Error('no')))).rejects.toThrow('no');
    expect(await cache.get(['a'], answering('yes', 'a').ask)).toBe('yes');
  });

  test('forgets the oldest answers, so that strangers cannot fill the memory', async () => {
    const cache = new AnswerCache<string>(() => 0);
    for (let image = 0; image <= 1024; image += 1)
      await cache.get([`${image}`], answering('kept', `${image}`).ask);
    const oldest = answering('again', '0');
    const newest = answering('again', '1024');
    expect(await cache.get(['1024'], newest.ask)).toBe('kept');
    expect(await cache.get(['0'], oldest.ask)).toBe('again');
  });
});
