import { describe, expect, test } from 'vitest';
import { RecordingLogger } from '../../test/fakes/recording-logger.ts';
import type { AdmissionEvent } from '../admission/event.ts';
import { digestOf } from '../image/digest.ts';
import { createMetrics } from '../telemetry/metrics.ts';
import { observeAdmission } from './observe-admission.ts';

const ABOUT = {
  uid: 'u-1',
  operation: 'CREATE',
  kind: 'Deployment',
  namespace: 'shop',
  name: 'web',
} as const;
const NAMES = {
  source: 'docker.io/library/alpine:3.12',
  backup: 'r.example.com/docker.io/library/alpine:3.12',
};
const DIGEST = digestOf(Buffer.from('x'));
const ERROR = new Error('no');

/** What an event leaves behind: its line, and the metrics that are not zero. */
async function seen(event: AdmissionEvent) {
  const log = new RecordingLogger();
  const metrics = createMetrics({ version: '0' });
  observeAdmission(log, metrics)(event);
  const { body } = await metrics.render();
  const counted = body
    .split('\n')
    .filter((line) => /^image_cloner_(?!build_info).*[^ ] [^0]/.test(line))
    .map((line) => line.replace('image_cloner_', ''));
  return { line: log.records[0], lines: log.records.length, counted };
}

describe('what is seen of an admission', () => {
  test.each<[AdmissionEvent, { level: string; message: string; fields: object }, string[]]>([
    [
      { type: 'received', ...ABOUT, dryRun: false },
      { level: 'info', message: 'Request received', fields: { dryRun: false } },
      [],
    ],
    [
      { type: 'received', ...ABOUT, subResource: 'scale', dryRun: true },
      { level: 'info', message: 'Request received', fields: { dryRun: true, subResource: 'scale' } },
      [],
    ],
    [
      { type: 'ignored', ...ABOUT, reason: 'opted-out' },
      { level: 'debug', message: 'Request needs nothing', fields: { reason: 'opted-out' } },
      [],
    ],
    [
      { type: 'skipped', ...ABOUT, container: 'app', source: 'auto', reason: 'placeholder' },
      {
        level: 'debug',
        message: 'Image left alone',
        fields: { container: 'app', source: 'auto', reason: 'placeholder' },
      },
      ['images_skipped_total{reason="placeholder"} 1'],
    ],
    [
      { type: 'planned', ...ABOUT, ...NAMES, rule: 'default' },
      { level: 'debug', message: 'Copy wanted', fields: { ...NAMES, rule: 'default' } },
      [],
    ],
    [
      { type: 'rewritten', ...ABOUT, ...NAMES, rule: 'proxied' },
      { level: 'info', message: 'Name of the copy written, by rule', fields: { ...NAMES, rule: 'proxied' } },
      [],
    ],
    [
      { type: 'patched', ...ABOUT, images: 3, dryRun: false },
      { level: 'debug', message: 'Images replaced', fields: { images: 3, dryRun: false } },
      ['images_rewritten_total 3'],
    ],
    [
      { type: 'patched', ...ABOUT, images: 3, dryRun: true },
      { level: 'debug', message: 'Images replaced', fields: { images: 3, dryRun: true } },
      [],
    ],
    [
      { type: 'stranded', ...ABOUT, ...NAMES, error: ERROR },
      {
        level: 'error',
        message: 'Copy failed that the workload is pointed at already',
        fields: { ...NAMES, error: ERROR },
      },
      ['images_stranded_total 1'],
    ],
    [
      { type: 'warned', ...ABOUT, ...NAMES, rule: 'audit' },
      { level: 'info', message: 'Only warned, by rule', fields: { ...NAMES, rule: 'audit' } },
      [],
    ],
    [
      { type: 'refused', ...ABOUT, source: NAMES.source, rule: 'no-latest' },
      {
        level: 'info',
        message: 'Image refused, by rule',
        fields: { source: NAMES.source, rule: 'no-latest' },
      },
      [],
    ],
    [
      { type: 'skipped', ...ABOUT, container: 'app', source: 'a:1', reason: 'rule', rule: 'ours' },
      {
        level: 'debug',
        message: 'Image left alone',
        fields: { container: 'app', source: 'a:1', reason: 'rule', rule: 'ours' },
      },
      ['images_skipped_total{reason="rule"} 1'],
    ],
    [
      { type: 'found', ...ABOUT, ...NAMES, state: 'present', digest: DIGEST, durationMs: 3.4 },
      {
        level: 'info',
        message: 'Copy is there',
        fields: { ...NAMES, state: 'present', digest: DIGEST, durationMs: 3 },
      },
      [],
    ],
    [
      { type: 'found', ...ABOUT, ...NAMES, state: 'copied', digest: DIGEST, bytes: 12, durationMs: 3.5 },
      {
        level: 'info',
        message: 'Copy is made',
        fields: { ...NAMES, state: 'copied', digest: DIGEST, bytes: 12, durationMs: 4 },
      },
      [],
    ],
    [
      { type: 'found', ...ABOUT, ...NAMES, state: 'pending', durationMs: 9000 },
      {
        level: 'warn',
        message: 'Copy not ready in time, it goes on',
        fields: { ...NAMES, state: 'pending', durationMs: 9000 },
      },
      [],
    ],
    [
      { type: 'found', ...ABOUT, ...NAMES, state: 'failed', error: ERROR, durationMs: 1 },
      {
        level: 'warn',
        message: 'Copy not to be had',
        fields: { ...NAMES, state: 'failed', error: ERROR, durationMs: 1 },
      },
      [],
    ],
    [
      { type: 'found', ...ABOUT, ...NAMES, state: 'there', digest: DIGEST, durationMs: 1 },
      {
        level: 'info',
        message: 'Copy is there, nothing is copied',
        fields: { ...NAMES, state: 'there', digest: DIGEST, durationMs: 1 },
      },
      [],
    ],
    [
      { type: 'found', ...ABOUT, ...NAMES, state: 'absent', durationMs: 1 },
      {
        level: 'info',
        message: 'Copy is not there, none is made',
        fields: { ...NAMES, state: 'absent', durationMs: 1 },
      },
      [],
    ],
    [
      { type: 'answered', ...ABOUT, result: 'patched', durationMs: 7 },
      { level: 'info', message: 'Patch applied', fields: { result: 'patched', durationMs: 7 } },
      ['admission_requests_total{outcome="patched"} 1'],
    ],
    [
      { type: 'answered', ...ABOUT, result: 'allowed', durationMs: 7 },
      { level: 'info', message: 'Request allowed', fields: { result: 'allowed', durationMs: 7 } },
      ['admission_requests_total{outcome="allowed"} 1'],
    ],
    [
      { type: 'answered', ...ABOUT, result: 'denied', message: 'cannot be copied', durationMs: 7 },
      {
        level: 'info',
        message: 'Request denied',
        fields: { result: 'denied', message: 'cannot be copied', durationMs: 7 },
      },
      ['admission_requests_total{outcome="denied"} 1'],
    ],
    [
      { type: 'unsafe-patch', ...ABOUT, error: ERROR },
      { level: 'error', message: 'Patch not sent, it is not safe', fields: { error: ERROR } },
      ['defects_total{kind="patch"} 1'],
    ],
    [
      { type: 'crashed', ...ABOUT, error: ERROR },
      { level: 'error', message: 'Review failed, the request is allowed as it is', fields: { error: ERROR } },
      ['defects_total{kind="review"} 1'],
    ],
  ])('%j', async (event, { level, message, fields }, counted) => {
    const { line, lines, counted: really } = await seen(event);
    expect(lines).toBe(1);
    expect(line).toEqual({ level, message, fields: { ...ABOUT, ...fields } });
    expect(really).toEqual(counted);
  });

  test('a call that is no review has nothing but its error', async () => {
    expect(await seen({ type: 'malformed', error: ERROR })).toEqual({
      line: { level: 'warn', message: 'Request is no admission review', fields: { error: ERROR } },
      lines: 1,
      counted: ['admission_requests_total{outcome="errored"} 1'],
    });
  });
});
