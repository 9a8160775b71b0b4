import { describe, expect, onTestFinished, test } from 'vitest';
import { RecordingLogger } from '../../test/fakes/recording-logger.ts';
import { createMetrics, type Metrics } from '../telemetry/metrics.ts';
import { Listener } from './listener.ts';
import { createMetricsServer } from './metrics-server.ts';
import { Readiness } from './readiness.ts';

async function serve(
  metrics: Pick<Metrics, 'render'> = createMetrics({ version: '0' }),
  readiness?: Readiness,
) {
  const log = new RecordingLogger();
  const listener = new Listener(createMetricsServer({ metrics, log, ...(readiness && { readiness }) }));
  const { port } = await listener.listen({ host: '127.0.0.1', port: 0 });
  onTestFinished(() => listener.close(AbortSignal.abort()));
  return { log, url: `http://127.0.0.1:${port}` };
}

describe('/metrics', () => {
  test('is what a Prometheus server reads', async () => {
    const { url } = await serve();
    const response = await fetch(`${url}/metrics`);
    expect(response.status).toBe(200);
    expect(response.headers.get('content-type')).toMatch(/^text\/plain; version=0\.0\.4/);
    expect(await response.text()).toContain('image_cloner_build_info{');
  });

  test('has a head', async () => {
    const { url } = await serve();
    const response = await fetch(`${url}/metrics`, { method: 'HEAD' });
    expect([response.status, await response.text()]).toEqual([200, '']);
  });

  test.each([
    ['GET', '/', 404, null],
    ['GET', '/clone-image', 404, null],
    ['POST', '/metrics', 405, 'GET, HEAD'],
    ['DELETE', '/metrics', 405, 'GET, HEAD'],
  ])('%s %s is %i', async (method, path, status, allow) => {
    const { url } = await serve();
    const response = await fetch(url + path, { method });
    expect([response.status, response.headers.get('allow')]).toEqual([status, allow]);
  });

  test('that cannot be rendered is 500 and a line, and the next one is answered', async () => {
    let calls = 0;
    const { url, log } = await serve({
      render: async () => {
        calls += 1;
        if (calls === 1) throw new Error('broken gauge');
        return { contentType: 'text/plain', body: 'fine 1\n' };
      },
    });
    expect((await fetch(`${url}/metrics`)).status).toBe(500);
    expect(log.messages('error')).toEqual(['Request failed']);
    expect(await (await fetch(`${url}/metrics`)).text()).toBe('fine 1\n');
  });
});

async function heard(url: string): Promise<readonly unknown[]> {
  const answers = await Promise.all(['/readyz', '/livez'].map((path) => fetch(`${url}${path}`)));
  return Promise.all(answers.map(async (answer) => [answer.status, await answer.text()]));
}

describe('beside them, for a server that nobody reaches without a certificate', () => {
  test('life and readiness are told', async () => {
    const readiness = new Readiness();
    const { url } = await serve(undefined, readiness);
    expect(await heard(url)).toEqual([
      [503, 'starting'],
      [200, 'OK'],
    ]);
    readiness.start();
    expect(await heard(url)).toEqual([
      [200, 'OK'],
      [200, 'OK'],
    ]);
    readiness.stop();
    expect(await heard(url)).toEqual([
      [503, 'stopping'],
      [200, 'OK'],
    ]);
  });

  test('and for no other', async () => {
    const { url } = await serve();
    expect((await fetch(`${url}/readyz`)).status).toBe(404);
  });
});
