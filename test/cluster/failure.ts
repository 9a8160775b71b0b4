import { cpSync, existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { run } from '../e2e/harness/command.ts';
import { programOf } from '../e2e/harness/part.ts';
import type { Site } from './site.ts';

/** Outlives the cluster. */
const FAILURES = fileURLToPath(new URL('../../.cache/cluster-failures', import.meta.url));

const OBJECTS =
  'nodes,namespaces,pods,deployments,daemonsets,replicasets,services,endpointslices,events,configmaps,mutatingwebhookconfigurations';
const ALL = ['--all-namespaces', '--ignore-not-found'];
const WEBHOOK = ['--namespace', 'image-cloner', '--selector', 'app.kubernetes.io/name=image-cloner'];
/** What is asked of the cluster, by the name of the file that gets the answer. */
const QUESTIONS: Readonly<Record<string, readonly string[]>> = {
  'overview.txt': ['get', OBJECTS, '--output', 'wide', ...ALL],
  'objects.yaml': ['get', OBJECTS, '--output', 'yaml', ...ALL],
  'pods.txt': ['describe', 'pods', '--all-namespaces'],
  'image-cloner.log': ['logs', ...WEBHOOK, '--prefix', '--tail', '-1'],
  'image-cloner-before-restart.log': ['logs', ...WEBHOOK, '--prefix', '--tail', '-1', '--previous'],
};

/** Keeps the logs of every part in one folder and prints its name. */
export async function keepLogs(site: Site, scenario: string): Promise<void> {
  const folder = join(FAILURES, scenario.replaceAll(/[^a-zA-Z0-9]+/g, '-').slice(0, 120));
  mkdirSync(folder, { recursive: true });
  for (const file of site.logFiles.filter((path) => existsSync(path)))
    cpSync(file, join(folder, basename(file)));
  for (const [file, args] of Object.entries(QUESTIONS)) {
    const { stdout, stderr } = await run(programOf('kubectl'), args, {
      environment: { KUBECONFIG: site.kubeconfig },
    });
    writeFileSync(join(folder, file), stdout + stderr);
  }
  console.error(`The logs of every part are in ${folder}`);
}
