import { Cluster } from './cluster.ts';
import { printFigures } from './figures.ts';
import { findSite } from './site.ts';

/** `make cluster`, `make cluster-down`, and what `docs/benchmarks.md` has from a cluster. */
const COMMANDS: Readonly<Record<string, () => Promise<void>>> = { up, down, figures };

async function up(): Promise<void> {
  const running = Cluster.find();
  const cluster = running ?? (await Cluster.up());
  console.log(`KUBECONFIG=${cluster.kubeconfig}`);
}

async function down(): Promise<void> {
  const cluster = Cluster.find();
  await (cluster?.down() ?? Cluster.removeRemains());
  console.log(cluster === undefined ? 'There is no cluster' : 'The cluster is gone');
}

async function figures(): Promise<void> {
  await printFigures(findSite());
}

const command = COMMANDS[process.argv[2] ?? ''];
if (command === undefined) throw new Error('Cannot do that, want: main.ts up | down | figures');
await command();
