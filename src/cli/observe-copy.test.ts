import { describe, expect, test } from 'vitest';
import { RecordingLogger } from '../../test/fakes/recording-logger.ts';
import type { CopyEvent } from '../copy/event.ts';
import { CredentialError } from '../credentials/credential-error.ts';
import { digestOf } from '../image/digest.ts';
import { parseReference } from '../image/reference.ts';
import { createMetrics } from '../telemetry/metrics.ts';
import { observeCopy } from './observe-copy.ts';
import { observeCredentials } from './observe-credentials.ts';

const task = { source: parseReference('alpine:3.12'), backup: parseReference('r.example.com/alpine:3.12') };
const NAMES = { source: 'docker.io/library/alpine:3.12', backup: 'r.example.com/alpine:3.12' };
const digest = digestOf(Buffer.from('x'));
const error = new Error('no');

async function seen(event: CopyEvent) {
  const log = new RecordingLogger();
  const metrics = createMetrics({ version: '0' });
  observeCopy(log, metrics)(event);
  const { body } = await metrics.render();
  const counted = body
    .split('\n')
    .filter((line) => /^image_cloner_(?!build_info).*[^ ] [^0]/.test(line) && !line.includes('_bucket'))
    .map((line) => line.replace('image_cloner_', ''));
  return { records: log.records, counted };
}

describe('what is seen of a copy', () => {
  test.each<[CopyEvent, { level: string; message: string; fields: object }, string[]]>([
    [
      { type: 'started', task, digest, bytes: 99, blobs: 3 },
      { level: 'info', message: 'Pulling image', fields: { digest, bytes: 99, count: 3 } },
      [],
    ],
    [
      { type: 'blob-done', task, digest, bytes: 50, pushed: 'pushed', durationMs: 1.6 },
      {
        level: 'info',
        message: 'Layer done',
        fields: { digest, bytes: 50, pushed: 'pushed', durationMs: 2 },
      },
      ['copy_bytes_total 50'],
    ],
    [
      { type: 'blob-done', task, digest, bytes: 50, pushed: 'mounted', durationMs: 1 },
      {
        level: 'info',
        message: 'Layer done',
        fields: { digest, bytes: 50, pushed: 'mounted', durationMs: 1 },
      },
      [],
    ],
    [
      { type: 'blob-done', task, digest, bytes: 50, pushed: 'present', durationMs: 1 },
      {
        level: 'info',
        message: 'Layer done',
        fields: { digest, bytes: 50, pushed: 'present', durationMs: 1 },
      },
      [],
    ],
    [
      { type: 'manifest-pushed', task, digest, durationMs: 1 },
      { level: 'debug', message: 'Manifest pushed', fields: { digest, durationMs: 1 } },
      [],
    ],
    [
      {
        type: 'finished',
        task,
        digest,
        bytes: 50,
        blobs: { pushed: 1, mounted: 0, present: 2 },
        durationMs: 2000,
      },
      { level: 'info', message: 'Image pushed', fields: { digest, bytes: 50, durationMs: 2000 } },
      ['copies_total{result="copied"} 1', 'copy_duration_seconds_sum 2', 'copy_duration_seconds_count 1'],
    ],
    [
      { type: 'source-unavailable', task, error },
      { level: 'warn', message: 'Source cannot be asked, its copy is used', fields: { error } },
      [],
    ],
    [
      { type: 'refresh-failed', task, error },
      { level: 'warn', message: 'Newer image cannot be copied, its earlier copy is used', fields: { error } },
      [],
    ],
    [
      { type: 'moved', task, digest },
      {
        level: 'warn',
        message: 'Image has moved at its source, its earlier copy is used',
        fields: { digest },
      },
      [],
    ],
    [
      { type: 'referrers-failed', task, error },
      { level: 'warn', message: 'What refers to the image was not copied', fields: { error } },
      [],
    ],
    [
      { type: 'origin-pulled', task, origin: 'docker', durationMs: 7.4 },
      { level: 'info', message: 'Image pulled by a daemon', fields: { origin: 'docker', durationMs: 7 } },
      [],
    ],
    [
      { type: 'origin-progress', task, origin: 'docker', layer: '2c5ba97cb2d3', status: 'Pushing', bytes: 9 },
      {
        level: 'info',
        message: 'Layer progress',
        fields: { origin: 'docker', layer: '2c5ba97cb2d3', state: 'Pushing', bytes: 9 },
      },
      [],
    ],
    [
      { type: 'origin-progress', task, origin: 'agents', layer: '2c5ba97cb2d3', status: 'Pushed' },
      {
        level: 'info',
        message: 'Layer progress',
        fields: { origin: 'agents', layer: '2c5ba97cb2d3', state: 'Pushed' },
      },
      [],
    ],
    [
      { type: 'origin-used', task, origin: 'docker' },
      {
        level: 'info',
        message: 'Image taken from a node, as the settings say',
        fields: { origin: 'docker' },
      },
      ['copies_from_nodes_total{origin="docker"} 1'],
    ],
    [
      { type: 'origin-used', task, origin: 'agents', why: error },
      {
        level: 'warn',
        message: 'Source cannot give the image, it is taken from a node',
        fields: { origin: 'agents', error },
      },
      ['copies_from_nodes_total{origin="agents"} 1'],
    ],
    [
      { type: 'origin-failed', task, origin: 'containerd', error },
      { level: 'warn', message: 'Node cannot give the image', fields: { origin: 'containerd', error } },
      ['node_failures_total{origin="containerd"} 1'],
    ],
    [
      { type: 'partial', task, origin: 'containerd', digest, index: digest, platform: 'linux/amd64' },
      {
        level: 'warn',
        message: 'Node has one platform of the image only, the copy is that one',
        fields: { origin: 'containerd', digest, index: digest, platform: 'linux/amd64' },
      },
      [],
    ],
    [
      { type: 'partial', task, origin: 'containerd', digest, index: digest },
      {
        level: 'warn',
        message: 'Node has one platform of the image only, the copy is that one',
        fields: { origin: 'containerd', digest, index: digest },
      },
      [],
    ],
    [
      { type: 'unfaithful', task, origin: 'docker', digest },
      {
        level: 'warn',
        message: 'Image was made anew by a daemon, its copy has a digest of its own',
        fields: { origin: 'docker', digest },
      },
      [],
    ],
    [
      { type: 'failed', task, error, durationMs: 5 },
      { level: 'error', message: 'Copy failed', fields: { error, durationMs: 5 } },
      ['copies_total{result="failed"} 1'],
    ],
  ])('%j', async (event, { level, message, fields }, counted) => {
    const { records, counted: really } = await seen(event);
    expect(records).toEqual([{ level, message, fields: { ...NAMES, ...fields } }]);
    expect(really).toEqual(counted);
  });
});

describe('what is seen of credentials', () => {
  test.each([
    ['kept', 'Credentials cannot be read anew, those before are used'],
    ['passed-over', 'Credentials passed over'],
  ] as const)('%s is a warning', (type, message) => {
    const log = new RecordingLogger();
    const broken = new CredentialError('/auth', 'wanted both "username" and "password", or neither');
    observeCredentials(log)({ type, error: broken });
    expect(log.records).toEqual([{ level: 'warn', message, fields: { error: broken } }]);
  });
});
