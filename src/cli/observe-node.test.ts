import { describe, expect, test } from 'vitest';
import { RecordingLogger } from '../../test/fakes/recording-logger.ts';
import type { AgentEvent, AgentsEvent } from '../agent/event.ts';
import { digestOf } from '../image/digest.ts';
import { parseReference } from '../image/reference.ts';
import { observeAgent, observeAgents, observeContainerd, observeDocker } from './observe-node.ts';

const source = parseReference('alpine:3.12');
const backup = parseReference('r.example.com/alpine:3.12');
const NAMES = { source: 'docker.io/library/alpine:3.12', backup: 'r.example.com/alpine:3.12' };
const digest = digestOf(Buffer.from('x'));
const error = new Error('no');

describe('what is seen of an agent', () => {
  test.each<[AgentEvent, { level: string; message: string; fields: object }]>([
    [
      { type: 'asked', source, held: true },
      { level: 'info', message: 'Asked for an image', fields: { source: NAMES.source, held: true } },
    ],
    [
      { type: 'progress', source, backup, layer: '2c5ba97cb2d3', status: 'pushed', bytes: 9 },
      {
        level: 'info',
        message: 'Layer progress',
        fields: { ...NAMES, layer: '2c5ba97cb2d3', state: 'pushed', bytes: 9 },
      },
    ],
    [
      { type: 'pushed', source, backup, digest, bytes: 7, durationMs: 1.7 },
      { level: 'info', message: 'Image pushed', fields: { ...NAMES, digest, bytes: 7, durationMs: 2 } },
    ],
    [
      { type: 'push-failed', source, backup, error },
      { level: 'error', message: 'Push failed', fields: { ...NAMES, error } },
    ],
    [
      { type: 'daemon-failed', origin: 'docker', source, error },
      {
        level: 'warn',
        message: 'Daemon cannot give the image',
        fields: { source: NAMES.source, origin: 'docker', error },
      },
    ],
    [
      { type: 'refused', path: '/v1/x', error },
      { level: 'warn', message: 'Request refused', fields: { path: '/v1/x', error } },
    ],
  ])('%j', (event, record) => {
    const log = new RecordingLogger();
    observeAgent(log)(event);
    expect(log.records).toEqual([record]);
  });
});

describe('what is seen of agents by who asks them', () => {
  const address = '10.0.0.1:8443';

  test.each<[AgentsEvent, { level: string; message: string; fields: object }]>([
    [
      { type: 'agent-failed', address, error },
      { level: 'warn', message: 'Agent cannot be asked, others are', fields: { address, error } },
    ],
    [
      { type: 'no-agents', address, error },
      { level: 'warn', message: 'Agents cannot be found under this name', fields: { address, error } },
    ],
    [
      { type: 'holder-found', address, source },
      { level: 'info', message: 'Agent holds the image', fields: { address, source: NAMES.source } },
    ],
  ])('%j', (event, record) => {
    const log = new RecordingLogger();
    observeAgents(log)(event);
    expect(log.records).toEqual([record]);
  });
});

describe('what is seen of a daemon', () => {
  test('a push that it could not make', () => {
    const log = new RecordingLogger();
    observeDocker(log)({ type: 'not-pushed', name: 'r.example.com/a:1', error });
    expect(log.records).toEqual([
      {
        level: 'info',
        message: 'Docker daemon cannot push the image, it is read from it',
        fields: { name: 'r.example.com/a:1', error },
      },
    ]);
  });

  test('a name that stays on the node', () => {
    const log = new RecordingLogger();
    observeDocker(log)({ type: 'left-behind', name: 'r.example.com/a:1', error });
    expect(log.records).toEqual([
      {
        level: 'warn',
        message: 'Name made for a push stays on the node',
        fields: { name: 'r.example.com/a:1', error },
      },
    ]);
  });

  test('an image that is not whole', () => {
    const log = new RecordingLogger();
    observeContainerd(log)({ type: 'incomplete', source, why: 'sha256:… is not there' });
    expect(log.records).toMatchObject([
      { level: 'info', fields: { source: NAMES.source, reason: 'sha256:… is not there' } },
    ]);
  });
});
