import { describe, expect, test } from 'vitest';
import { describeError } from './error-fields.ts';

class CopyError extends Error {
  readonly code = 'COPY_FAILED';
}

describe('what a line says of an error', () => {
  test.each<[string, unknown, string]>([
    ['a plain error', new Error('Cannot read'), 'Cannot read'],
    ['an error without message', new RangeError(), 'RangeError'],
    ['text', 'just text', 'just text'],
    ['undefined', undefined, 'unknown error'],
    ['null', null, 'null'],
    ['a number', 7, '7'],
    ['a big number', 7n, '7n'],
    ['an object', { a: 1 }, '{ a: 1 }'],
    ['a symbol', Symbol('s'), 'Symbol(s)'],
    ['causes', new Error('outer', { cause: new Error('inner', { cause: 'root' }) }), 'outer: inner: root'],
    [
      'a cause told already',
      new Error('Cannot push: reset', { cause: new Error('reset') }),
      'Cannot push: reset',
    ],
    [
      'several at once',
      new AggregateError([new Error('IPv4 refused'), new Error('IPv6 refused')]),
      'IPv4 refused, IPv6 refused',
    ],
    ['several, introduced', new AggregateError([new Error('one')], 'All failed'), 'All failed'],
  ])('%s', (_name, error, message) => {
    expect(describeError(error).message).toBe(message);
  });

  test('an error with a code of its own brings no stack', () => {
    expect(describeError(new CopyError('Cannot copy'))).toEqual({
      code: 'COPY_FAILED',
      message: 'Cannot copy',
    });
  });

  test('an error without one is a defect, and brings its stack', () => {
    expect(describeError(new TypeError('x is undefined')).stack).toContain('error-fields.test.ts');
  });

  test('so does a wrong call of Node, which has a code', () => {
    const error = Object.assign(new TypeError('wanted text'), { code: 'ERR_INVALID_ARG_TYPE' });
    expect(describeError(error)).toEqual({
      code: 'ERR_INVALID_ARG_TYPE',
      message: 'wanted text',
      stack: expect.stringContaining('error-fields.test.ts'),
    });
  });

  test('a code that is no text is not taken for one', () => {
    expect(describeError(Object.assign(new Error('x'), { code: 7 }))).not.toHaveProperty('code');
  });

  test('causes that go round end', () => {
    const error = new Error('round');
    error.cause = new Error('about', { cause: error });
    expect(describeError(error).message).toBe('round: about');
  });

  test('an object that refers to itself is described', () => {
    const loop: Record<string, unknown> = {};
    loop['self'] = loop;
    expect(describeError(loop).message).toContain('Circular');
  });

  test('neither message nor stack keeps a password in an address', () => {
    const error = new Error('Cannot reach https://user:hunter2@registry.example.com/v2/');
    expect(JSON.stringify(describeError(error))).not.toContain('hunter2');
  });

  test('properties that libraries hang on errors are left out', () => {
    const error = Object.assign(new Error('x'), { request: { headers: { authorization: 'Basic abc' } } });
    expect(Object.keys(describeError(error))).toEqual(['message', 'stack']);
  });
});
