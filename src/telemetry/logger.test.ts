import { describe, expect, test } from 'vitest';
import { createLogger, type LogFormat, type Logger, type LogLevel } from './logger.ts';

function recorder(isTTY = false) {
  const lines: string[] = [];
  return { isTTY, lines, write: (line: string) => lines.push(line) };
}

async function logged(
  options: { level?: LogLevel; format?: LogFormat; isTTY?: boolean },
  write: (logger: Logger) => void,
): Promise<string[]> {
  const destination = recorder(options.isTTY);
  const logger = await createLogger({
    level: options.level ?? 'info',
    format: options.format ?? 'json',
    destination,
  });
  write(logger);
  return destination.lines;
}

function parsed(line: string | undefined): Record<string, unknown> {
  const value: unknown = JSON.parse(line ?? '');
  return typeof value === 'object' && value !== null ? { ...value } : {};
}

describe('JSON lines', () => {
  test('hold level as text, ISO time, the fields and a constant message, and nothing else', async () => {
    const [line] = await logged({}, (log) => log.info({ uid: 'u-1', bytes: 12 }, 'Layer copied'));
    const entry = parsed(line);
    expect(Object.keys(entry)).toEqual(['level', 'time', 'uid', 'bytes', 'msg']);
    expect(entry).toMatchObject({ level: 'info', uid: 'u-1', bytes: 12, msg: 'Layer copied' });
    expect(new Date(String(entry['time'])).toISOString()).toBe(entry['time']);
  });

  test('end in one line break, whatever the values hold', async () => {
    const [line] = await logged({}, (log) => log.info({ source: 'a\nb\u2028{"level":"fatal"}' }, 'Line'));
    expect(line?.match(/\n/g)).toHaveLength(1);
    expect(parsed(line)['level']).toBe('info');
  });

  test('leave out fields that are undefined', async () => {
    const [line] = await logged({}, (log) => log.warn({ uid: undefined, name: 'web' }, 'Line'));
    expect(Object.keys(parsed(line))).toEqual(['level', 'time', 'name', 'msg']);
  });

  test('say of an error its code and the chain of messages', async () => {
    const error = Object.assign(new Error('Cannot push', { cause: new Error('connection reset') }), {
      code: 'PUSH_FAILED',
      response: { headers: { authorization: 'Bearer 12345678' } },
    });
    const [line] = await logged({}, (log) => log.error({ error }, 'Copy failed'));
    expect(parsed(line)['error']).toEqual({ code: 'PUSH_FAILED', message: 'Cannot push: connection reset' });
  });

  test.each(['password', 'token', 'authorization', 'auth', 'cookie', 'secret', 'key'])(
    'hide a value named %s, also one level down',
    async (name) => {
      const secret = 'hunter2-hunter2';
      const [line] = await logged({}, (log) => log.info({ [name]: secret, name: 'n' }, 'Line'));
      const nestedFields = { name: 'n', credential: { [name]: secret } };
      const [nested] = await logged({}, (log) => log.info(nestedFields, 'Line'));
      expect([line, nested].join('')).not.toContain(secret);
      expect(line).toContain('[hidden]');
    },
  );
});

describe('level', () => {
  test.each([
    ['debug', ['debug', 'info', 'warn', 'error', 'fatal']],
    ['info', ['info', 'warn', 'error', 'fatal']],
    ['warn', ['warn', 'error', 'fatal']],
    ['error', ['error', 'fatal']],
  ] as const)('%s lets through %j', async (level, expected) => {
    const lines = await logged({ level }, (log) => {
      for (const write of [log.debug, log.info, log.warn, log.error, log.fatal]) write.call(log, {}, 'Line');
    });
    expect(lines.map((line) => parsed(line)['level'])).toEqual(expected);
  });
});

function writeLine(log: Logger): void {
  log.info({ uid: 'u-1' }, 'Request received');
}

describe('format', () => {
  test.each([
    ['auto', false, true],
    ['auto', true, false],
    ['json', true, true],
    ['text', false, false],
    ['text', true, false],
  ] as const)('%s on a terminal: %s gives JSON: %s', async (format, isTTY, json) => {
    const [line = ''] = await logged({ format, isTTY }, writeLine);
    expect(line.startsWith('{')).toBe(json);
    expect(line).toContain('Request received');
    expect(line).toContain('u-1');
  });

  test('text has no colour codes where no terminal is', async () => {
    const [line = ''] = await logged({ format: 'text' }, writeLine);
    expect(line).toMatch(/^\[\d\d:\d\d:\d\d\] INFO: Request received \{"uid":"u-1"\}\n$/);
  });

  test('text is written before the call returns', async () => {
    const destination = recorder();
    const logger = await createLogger({ level: 'info', format: 'text', destination });
    logger.info({}, 'Last words');
    expect(destination.lines).toHaveLength(1);
  });
});
