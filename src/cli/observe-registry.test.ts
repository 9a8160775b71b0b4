import { describe, expect, it } from 'vitest';
import { RecordingLogger } from '../../test/fakes/recording-logger.ts';
import { digestOf } from '../image/digest.ts';
import type { RegistryEvent } from '../registry/event.ts';
import { createMetrics } from '../telemetry/metrics.ts';
import { observeRegistry } from './observe-registry.ts';

async function seen(event: RegistryEvent): Promise<{ records: RecordingLogger['records']; pulls: string[] }> {
  const log = new RecordingLogger();
  const metrics = createMetrics({ version: '0' });
  observeRegistry(log, metrics)(event);
  const { body } = await metrics.render();
  return {
    records: log.records,
    pulls: body.split('\n').filter((line) => line.startsWith('image_cloner_source_pulls')),
  };
}

describe('what is seen of a registry', () => {
  it('its warnings are logged with its name', async () => {
    const { records, pulls } = await seen({ type: 'warning', host: 'quay.io', text: 'read-only tomorrow' });
    expect(records).toEqual([
      {
        level: 'warn',
        message: 'Registry warns',
        fields: { host: 'quay.io', message: 'read-only tomorrow' },
      },
    ]);
    expect(pulls).toEqual([]);
  });

  it('a referrer that is listed nowhere is logged with the tag that stayed', async () => {
    const digest = digestOf(Buffer.from('signature'));
    const tag = `sha256-${'0'.repeat(64)}`;
    const { records, pulls } = await seen({
      type: 'unlisted',
      host: 'docker.io',
      path: 'ana/app',
      tag,
      digest,
    });
    expect(records).toEqual([
      {
        level: 'warn',
        message: 'Cannot list a referrer: its tag holds something else, which is left as it is',
        fields: { backup: `docker.io/ana/app:${tag}`, digest },
      },
    ]);
    expect(pulls).toEqual([]);
  });

  it('the pulls that Docker Hub leaves us are a metric', async () => {
    const { records, pulls } = await seen({ type: 'pulls-left', host: 'docker.io', remaining: 42 });
    expect(pulls).toEqual(['image_cloner_source_pulls_remaining{registry="docker.io"} 42']);
    expect(records).toEqual([]);
  });

  it('a host that a tenant chose makes no series', async () => {
    const { pulls } = await seen({ type: 'pulls-left', host: 'one-of-many.example.com', remaining: 1 });
    expect(pulls).toEqual([]);
  });
});
