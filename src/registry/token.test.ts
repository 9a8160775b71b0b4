import * as fc from 'fast-check';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { thrownBy } from '../../test/fakes/thrown.ts';
import { RegistryError } from './registry-error.ts';
import { readToken } from './token.ts';

afterEach(() => vi.useRealTimers());

function read(body: unknown): { value: string; seconds: number } {
  vi.useFakeTimers({ toFake: ['performance'] });
  const { value, endsAt } = readToken(JSON.stringify(body), 'fetch a token');
  return { value, seconds: (endsAt - performance.now()) / 1000 };
}

describe('the token', () => {
  test.each([
    [{ token: 't' }],
    [{ access_token: 't' }],
    [{ token: 't', access_token: 'other' }],
    [{ token: '', access_token: 't' }],
  ])('of %j is t', (body) => {
    expect(read(body).value).toBe('t');
  });

  test.each([
    [{}],
    [{ token: '' }],
    [{ token: 7 }],
    [{ token: null }],
    [{ token: 'two words' }],
    [{ token: 'line\r\nx-injected: 1' }],
    [[]],
    ['t'],
    [null],
  ])('%j holds none that can be sent', (body) => {
    expect(thrownBy(() => readToken(JSON.stringify(body), 'fetch a token'))).toMatchObject({
      code: 'PROTOCOL',
      operation: 'fetch a token',
    });
  });
});

describe('its life', () => {
  test.each([
    ['not said', {}, 50],
    ['five minutes', { expires_in: 300 }, 290],
    ['as text', { expires_in: '300' }, 290],
    ['shorter than the specification allows', { expires_in: 1 }, 50],
    ['none', { expires_in: 0 }, 50],
    ['negative', { expires_in: -300 }, 50],
    ['nonsense', { expires_in: 'soon' }, 50],
    ['null', { expires_in: null }, 50],
    ['issued by a clock that is an hour behind', { expires_in: 300, issued_at: '2000-01-01T00:00:00Z' }, 290],
  ])('%s: it is renewed 10 s before its end, on our own clock', (_name, fields, seconds) => {
    expect(read({ token: 't', ...fields }).seconds).toBeCloseTo(seconds);
  });
});

test('whatever the server answers, it fails in one way only', () => {
  fc.assert(
    fc.property(fc.oneof(fc.string(), fc.json()), (text) => {
      const fault = thrownBy(() => readToken(text, 'fetch a token'));
      expect([undefined, 'PROTOCOL']).toContain(codeOf(fault));
    }),
  );
});

function codeOf(fault: unknown): unknown {
  return fault instanceof RegistryError ? fault.code : fault;
}
