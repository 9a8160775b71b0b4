import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { answer, refusal } from '../../test/fakes/answer.ts';
import { never, useStage } from '../../test/fakes/stage.ts';
import { problemOf, retryAfterOf } from './problem.ts';
import type { RegistryError } from './registry-error.ts';
import { Transport } from './transport.ts';

const stage = useStage();

async function problem(scripted: ReturnType<typeof answer>, method?: string): Promise<RegistryError> {
  const server = await stage.listen(() => scripted);
  const transport = new Transport({ mayBeInternal: () => true, connections: 1 });
  const exchange = {
    method: 'GET',
    url: new URL(server.url),
    home: '127.0.0.1',
    headers: {},
    signal: never,
  } as const;
  try {
    return await problemOf(await transport.send(exchange), 'push manifest a:v1', method);
  } finally {
    await transport.close();
  }
}

describe('what an answer means', () => {
  test.each([
    [400, 'NAME_INVALID', 'REFUSED', false],
    [401, 'UNAUTHORIZED', 'UNAUTHORIZED', false],
    [403, 'DENIED', 'DENIED', false],
    [404, 'MANIFEST_UNKNOWN', 'NOT_FOUND', false],
    [404, 'BLOB_UNKNOWN', 'NOT_FOUND', false],
    [404, 'NAME_UNKNOWN', 'NOT_FOUND', false],
    [400, 'NAME_UNKNOWN', 'NOT_FOUND', false],
    [400, 'MANIFEST_BLOB_UNKNOWN', 'MISSING_CONTENT', false],
    [400, 'BLOB_UNKNOWN', 'MISSING_CONTENT', false],
    [500, 'MANIFEST_BLOB_UNKNOWN', 'MISSING_CONTENT', false],
    [400, 'MANIFEST_INVALID', 'INVALID_MANIFEST', false],
    [400, 'TOOMANYREQUESTS', 'RATE_LIMITED', true],
    [429, 'TOOMANYREQUESTS', 'RATE_LIMITED', true],
    [429, '', 'RATE_LIMITED', true],
    [408, '', 'TIMEOUT', true],
    [413, '', 'TOO_LARGE', false],
    [409, '', 'REFUSED', false],
    [416, 'RANGE_INVALID', 'REFUSED', false],
    [500, '', 'UNAVAILABLE', true],
    [501, '', 'REFUSED', false],
    [503, '', 'UNAVAILABLE', true],
    [507, '', 'UNAVAILABLE', true],
    [302, '', 'PROTOCOL', false],
    [200, '', 'PROTOCOL', false],
  ])('%i %s: %s, worth another try: %s', async (status, code, meaning, retriable) => {
    expect(await problem(refusal(status, code))).toMatchObject({
      code: meaning,
      status,
      retriable,
      operation: 'push manifest a:v1',
    });
  });

  test.each(['BLOB_UNKNOWN', 'MANIFEST_BLOB_UNKNOWN', 'MANIFEST_UNKNOWN'])(
    '404 %s after a PUT: a part is missing, not what was asked for',
    async (code) => {
      expect(await problem(refusal(404, code), 'PUT')).toMatchObject({ code: 'MISSING_CONTENT' });
    },
  );

  test('404 NAME_UNKNOWN after a PUT: there is no such repository', async () => {
    expect(await problem(refusal(404, 'NAME_UNKNOWN'), 'PUT')).toMatchObject({ code: 'NOT_FOUND' });
  });
});

describe('the message', () => {
  test('has the code and the words of the registry', async () => {
    const { message } = await problem(refusal(403, 'DENIED'));
    expect(message).toBe('Cannot push manifest a:v1: registry answered 403 "DENIED: scripted: DENIED"');
  });

  test.each<[string, string]>([
    ['a page', '<html>403</html>'],
    ['nothing', ''],
    ['a list', '[]'],
    ['no list', '{"errors":"none"}'],
    ['entries that are none', '{"errors":[null,1,"x",[]]}'],
    ['broken JSON', '{"errors":[{"code":'],
  ])('is short where the body is %s', async (_name, body) => {
    expect((await problem(answer(403, {}, body))).message).toBe(
      'Cannot push manifest a:v1: registry answered 403',
    );
  });

  test('joins several errors', async () => {
    const body = JSON.stringify({ errors: [{ code: 'A', message: 'a' }, { code: 'B' }, { message: 'c' }] });
    expect((await problem(answer(400, {}, body))).message).toContain('"A: a; B; c"');
  });

  test('is cut, and cannot break a log line', async () => {
    const body = JSON.stringify({ errors: [{ code: 'DENIED', message: `\n${'x'.repeat(10_000)}` }] });
    const { message } = await problem(answer(403, {}, body));
    expect(message.length).toBeLessThan(400);
    expect(message).not.toContain('\n');
  });

  test('redacts signed query strings', async () => {
    const url = 'https://bucket.example/blob?X-Signature=secret&token=secret';
    const body = JSON.stringify({ errors: [{ code: 'UNKNOWN', message: `cannot read ${url} (again)` }] });
    const { message } = await problem(answer(400, {}, body));
    expect(message).toContain('https://bucket.example/blob?… (again)');
    expect(message).not.toContain('secret');
  });

  test('leaves a body unread that is larger than any error', async () => {
    const body = JSON.stringify({ errors: [{ code: 'DENIED', message: 'x'.repeat(100_000) }] });
    expect(await problem(answer(403, {}, body))).toMatchObject({
      code: 'DENIED',
      message: 'Cannot push manifest a:v1: registry answered 403',
    });
  });
});

describe('Retry-After', () => {
  const now = Date.parse('Wed, 21 Oct 2015 07:28:00 GMT');

  test.each<[string | undefined, number | undefined]>([
    [undefined, undefined],
    ['', undefined],
    ['soon', undefined],
    ['0', 0],
    ['120', 120_000],
    ['Wed, 21 Oct 2015 07:28:30 GMT', 30_000],
    ['Wed, 21 Oct 2015 07:27:30 GMT', 0],
    ['9'.repeat(400), Number.POSITIVE_INFINITY],
  ])('%s: %s ms', (value, milliseconds) => {
    expect(retryAfterOf(value, now)).toBe(milliseconds);
  });

  test('is in the error, in both forms', async () => {
    const inSeconds = await problem(refusal(429, 'TOOMANYREQUESTS', { 'retry-after': '7' }));
    expect(inSeconds.retryAfter).toBe(7000);
    const past = new Date(0).toUTCString();
    const asDate = await problem(refusal(503, 'UNAVAILABLE', { 'retry-after': past }));
    expect(asDate.retryAfter).toBe(0);
  });

  test('never is negative', () => {
    fc.assert(
      fc.property(fc.string(), (value) => {
        expect(retryAfterOf(value, now) ?? 0).toBeGreaterThanOrEqual(0);
      }),
    );
  });
});
