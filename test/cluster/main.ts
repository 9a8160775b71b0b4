import { Cluster } from './cluster.ts';

/** `make cluster` and `make cluster-down`. */
const COMMANDS: Readonly<Record<string, () => Promise<void>>> = { up, down };

async function up(): Promise<void> {
  const running = Cluster.find();
  const cluster = running ?? (await Cluster.up());
  console.log(`KUBECONFIG=${cluster.kubeconfig}`);
}

async function down(): Promise<void> {
  const cluster = Cluster.find();
  await cluster?.down();
  console.log(cluster === undefined ? 'There is no cluster' : 'The cluster is gone');
}

const command = COMMANDS[process.argv[2] ?? ''];
if (command === undefined) throw new Error('Cannot do that, want: main.ts up | down');
await command();
