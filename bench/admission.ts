import { readFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { startRegistry } from '../test/fakes/scripted-registry.ts';
import { makeImage } from '../test/images/image.ts';
import { type LoadResult, load } from './load.ts';
import { type Column, tableOf } from './table.ts';
import { type Memory, Webhook } from './webhook.ts';

/** A Deployment as the API server sent it. */
const REVIEW = new URL('../test/fixtures/admission/create-deployment.json', import.meta.url);
const CONNECTIONS = [1, 8, 32] as const;
/** Until everything that is run often is compiled. */
const WARM_UP_MS = 4_000;
const DURATION_MS = 5_000;
const MEGA = 1_000_000;

const COLUMNS: readonly Column<LoadResult>[] = [
  { heading: 'connections', cell: ({ connections }) => String(connections) },
  { heading: 'requests/s', cell: ({ perSecond }) => perSecond.toFixed(0) },
  { heading: 'p50 ms', cell: ({ p50 }) => p50.toFixed(2) },
  { heading: 'p99 ms', cell: ({ p99 }) => p99.toFixed(2) },
];

await bench();

/** The webhook answers for a Deployment whose image was copied before: what an API server sees nearly always. */
async function bench(): Promise<void> {
  const image = await makeImage();
  const source = await startRegistry({ images: [{ repository: 'team/app', tag: '1.25', image }] });
  const backup = await startRegistry();
  const webhook = await Webhook.start(`${backup.host}/backup`);
  try {
    const idle = webhook.memory();
    const ask = { ...reviewFor(`${source.host}/team/app:1.25`), origin: webhook.url, ca: webhook.ca };
    await load({ ...ask, connections: 8, durationMs: WARM_UP_MS });
    const results: LoadResult[] = [];
    for (const connections of CONNECTIONS)
      results.push(await load({ ...ask, connections, durationMs: DURATION_MS }));
    console.log(reportOf(results, { idle, after: webhook.memory() }));
  } finally {
    await webhook.close();
    await backup.close();
    await source.close();
  }
}

/** The request, and what its answer has to have. */
function reviewFor(image: string) {
  const review = JSON.parse(readFileSync(REVIEW, 'utf8'));
  const [container] = review.request.object.spec.template.spec.containers;
  container.image = image;
  return {
    path: '/clone-image?timeout=10s',
    body: Buffer.from(JSON.stringify(review)),
    check: (status: number, body: string) => {
      const { response } = JSON.parse(body);
      // The first one is answered when the copy is made: from then on every one has a patch.
      if (status === 200 && response.allowed === true && typeof response.patch === 'string') return;
      throw new Error(`Cannot use the answer: wanted a patch, got ${status} ${body}`);
    },
  };
}

function reportOf(results: readonly LoadResult[], memory: { idle: Memory; after: Memory }): string {
  const [processor] = cpus();
  return `### admission: warm, one Deployment, TLS with keep-alive, one processor

${new Date().toISOString().slice(0, 10)}, ${processor?.model ?? 'unknown'}, Node ${process.version}

${tableOf(COLUMNS, results)}

Resident memory: ${mega(memory.idle.resident)} MB idle, ${mega(memory.after.resident)} MB afterwards (peak ${mega(memory.after.peak)} MB)`;
}

function mega(bytes: number): string {
  return (bytes / MEGA).toFixed(0);
}
