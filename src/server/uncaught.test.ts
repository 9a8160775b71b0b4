import { EventEmitter } from 'node:events';
import { describe, expect, test } from 'vitest';
import { RecordingLogger } from '../../test/fakes/recording-logger.ts';
import { createMetrics } from '../telemetry/metrics.ts';
import { surviveUncaught } from './uncaught.ts';

describe('what nothing caught', () => {
  test.each([
    ['uncaughtException', 'exception', 'fatal', 'Uncaught exception'],
    ['unhandledRejection', 'rejection', 'error', 'Unhandled rejection'],
  ])('%s is counted as %s and logged as %s', async (event, kind, level, message) => {
    const source = new EventEmitter();
    const log = new RecordingLogger();
    const metrics = createMetrics({ version: '0' });
    surviveUncaught(source, { log, metrics });
    const error = new TypeError('x is undefined');
    source.emit(event, error);
    expect(log.records).toEqual([{ level, message, fields: { error } }]);
    expect((await metrics.render()).body).toContain(`image_cloner_defects_total{kind="${kind}"} 1\n`);
  });

  test('may be anything', () => {
    const source = new EventEmitter();
    const log = new RecordingLogger();
    surviveUncaught(source, { log, metrics: createMetrics({ version: '0' }) });
    for (const thrown of [undefined, null, 'text', 7]) source.emit('unhandledRejection', thrown);
    expect(log.records).toHaveLength(4);
  });
});
