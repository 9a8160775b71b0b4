import { describe, expect, test } from 'vitest';
import { createMetrics } from './metrics.ts';

async function rendered(
  change: (metrics: ReturnType<typeof createMetrics>) => void = () => {},
): Promise<string> {
  const metrics = createMetrics({ version: '1.2.3' });
  metrics.watchCopies(() => 0);
  change(metrics);
  return (await metrics.render()).body;
}

/** Samples of our own metrics: name without labels. */
function namesIn(text: string): Set<string> {
  return new Set(text.match(/^# TYPE image_cloner_\w+/gm)?.map((line) => line.slice('# TYPE '.length)));
}

describe('metrics', () => {
  test('are these and no others, under one prefix', async () => {
    expect([...namesIn(await rendered())].toSorted()).toEqual([
      'image_cloner_admission_duration_seconds',
      'image_cloner_admission_in_flight',
      'image_cloner_admission_requests_total',
      'image_cloner_build_info',
      'image_cloner_certificate_expiry_timestamp_seconds',
      'image_cloner_certificate_reloads_total',
      'image_cloner_copies_from_nodes_total',
      'image_cloner_copies_in_progress',
      'image_cloner_copies_total',
      'image_cloner_copy_bytes_total',
      'image_cloner_copy_duration_seconds',
      'image_cloner_defects_total',
      'image_cloner_images_rewritten_total',
      'image_cloner_images_skipped_total',
      'image_cloner_images_stranded_total',
      'image_cloner_node_failures_total',
      'image_cloner_source_pulls_remaining',
    ]);
  });

  test('come with those of the process and of Node.js', async () => {
    const text = await rendered();
    expect(text).toContain('process_resident_memory_bytes ');
    expect(text).toContain('nodejs_eventloop_lag_seconds ');
  });

  test('have no label in which an image, a pod or a uid could stand', async () => {
    const text = await rendered((metrics) => {
      metrics.imagesSkipped.inc({ reason: 'backup' });
      metrics.copyDuration.observe(3);
    });
    const ours = text.split('\n').filter((line) => line.startsWith('image_cloner_'));
    const labels = new Set(
      ours.flatMap((line) => [...line.matchAll(/[{,](\w+)="/g)].map((match) => match[1])),
    );
    expect(labels).toEqual(new Set(['kind', 'le', 'node', 'outcome', 'reason', 'result', 'version']));
  });

  test.each([
    'image_cloner_admission_requests_total{outcome="allowed"} 0',
    'image_cloner_admission_requests_total{outcome="patched"} 0',
    'image_cloner_admission_requests_total{outcome="denied"} 0',
    'image_cloner_admission_requests_total{outcome="errored"} 0',
    'image_cloner_admission_requests_total{outcome="refused"} 0',
    'image_cloner_copies_total{result="failed"} 0',
    'image_cloner_certificate_reloads_total{result="failed"} 0',
    'image_cloner_copies_in_progress 0',
  ])('start at zero, so that the first event shows in a rate: %s', async (line) => {
    expect(await rendered()).toContain(`${line}\n`);
  });

  test('say which version runs', async () => {
    expect(await rendered()).toContain(
      `image_cloner_build_info{version="1.2.3",node="${process.version}"} 1\n`,
    );
  });

  test('count what is counted', async () => {
    const text = await rendered((metrics) => {
      metrics.admissionRequests.inc({ outcome: 'patched' });
      metrics.admissionDuration.observe(0.004);
      metrics.copyBytes.inc(1024);
    });
    expect(text).toContain('image_cloner_admission_requests_total{outcome="patched"} 1\n');
    expect(text).toContain('image_cloner_admission_duration_seconds_bucket{le="0.0025"} 0\n');
    expect(text).toContain('image_cloner_admission_duration_seconds_bucket{le="0.005"} 1\n');
    expect(text).toContain('image_cloner_copy_bytes_total 1024\n');
  });

  test('read the copies under way at each rendering', async () => {
    const metrics = createMetrics({ version: '1' });
    let underWay = 3;
    metrics.watchCopies(() => underWay);
    expect((await metrics.render()).body).toContain('image_cloner_copies_in_progress 3\n');
    underWay = 0;
    expect((await metrics.render()).body).toContain('image_cloner_copies_in_progress 0\n');
  });

  test('of two programs in one process do not meet', async () => {
    const first = createMetrics({ version: '1' });
    const second = createMetrics({ version: '2' });
    first.copyBytes.inc(5);
    expect((await second.render()).body).toContain('image_cloner_copy_bytes_total 0\n');
  });

  test('name the content type a Prometheus server asks for', async () => {
    const { contentType } = await createMetrics({ version: '1' }).render();
    expect(contentType).toMatch(/^text\/plain; version=0\.0\.4/);
  });
});
