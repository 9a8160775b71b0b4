import { Pool } from 'undici';
import { median, percentile } from './statistics.ts';

export interface LoadOptions {
  /** `https://127.0.0.1:4711` */
  readonly origin: string;
  readonly path: string;
  /** PEM of the authority to trust. */
  readonly ca?: string;
  readonly body: Uint8Array;
  /** Each sends its next request when it has the answer to the last one. */
  readonly connections: number;
  readonly durationMs: number;
  /** Throws when an answer is not as it should be. */
  readonly check: (status: number, body: string) => void;
}

export interface LoadResult {
  readonly connections: number;
  readonly perSecond: number;
  /** In milliseconds. */
  readonly p50: number;
  readonly p99: number;
}

/** Keeps so many connections busy for a while. */
export async function load(options: LoadOptions): Promise<LoadResult> {
  const { origin, ca, connections, durationMs } = options;
  const pool = new Pool(origin, { connections, pipelining: 1, ...(ca !== undefined && { connect: { ca } }) });
  const begun = performance.now();
  const busy = Array.from({ length: connections }, () => askUntil(begun + durationMs, pool, options));
  try {
    const latencies = (await Promise.all(busy)).flat();
    const seconds = (performance.now() - begun) / 1000;
    return {
      connections,
      perSecond: latencies.length / seconds,
      p50: median(latencies),
      p99: percentile(latencies, 0.99),
    };
  } finally {
    await pool.close();
  }
}

/** @returns how long each answer took, in milliseconds */
async function askUntil(end: number, pool: Pool, { path, body, check }: LoadOptions): Promise<number[]> {
  const latencies: number[] = [];
  const headers = { 'content-type': 'application/json' };
  while (performance.now() < end) {
    const begun = performance.now();
    const answer = await pool.request({ method: 'POST', path, headers, body });
    const text = await answer.body.text();
    latencies.push(performance.now() - begun);
    check(answer.statusCode, text);
  }
  return latencies;
}
