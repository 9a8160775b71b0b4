import { type Command, InvalidArgumentError } from 'commander';
import { ConfigError } from '../../config/config-error.ts';
import { loadSettings } from '../../config/configuration.ts';
import { type Environment, processEnvironment } from '../../config/process-environment.ts';
import { InvalidReferenceError, parseReference, type Reference } from '../../image/reference.ts';
import { onSignals } from '../../server/signals.ts';
import { createLogger } from '../../telemetry/logger.ts';
import { createMetrics } from '../../telemetry/metrics.ts';
import type { CommandSurroundings } from '../command.ts';
import { compose } from '../compose.ts';
import { EXIT } from '../exit-code.ts';
import { hasBackup, type Rescued, rescue } from '../rescue.ts';
import { type RescueProgress, rescueProgressOn, silentOn } from '../rescue-progress.ts';
import { howFar, rescueTable } from '../rescue-table.ts';
import { expectShortLife } from '../short-life.ts';
import { limitYoungGarbage } from '../young-garbage.ts';

interface Options {
  readonly all?: true;
  readonly check?: true;
  readonly json?: true;
  readonly config?: string;
  readonly dockerSocket?: string;
  readonly containerdSocket?: string;
  readonly containerdNamespace?: string;
}

const AFTER = `
Where images are looked for:
  The daemons of this node, by their sockets, and the agents of others, as the settings "docker.socket",
  "containerd.socket" and "agents.addresses" name them; sockets can be given here as well. Backup registry, its
  credentials and the rest are those of the webhook: --config and environment variables.

Result:
  One line for each image: who holds it, whether its source is there or what that said, and its backup: "there" before,
  "saved" now, "absent" (with --check), "failed" and why. A backup that is missing is made from the source, and from a
  node where the source cannot give it. With --json a list of objects: image, heldBy, whole, source, backup, state,
  digest, why. Meanwhile standard error shows how far the images are: bars on a terminal, a line for each step elsewhere,
  nothing with --json.

Exit codes:
  ${EXIT.done}    every image has a backup
  ${EXIT.failed}    some have none
  ${EXIT.usage}    wrong arguments or wrong configuration
  ${EXIT.interrupted}  interrupted by SIGINT or SIGTERM: open uploads are cancelled, the result tells of the images looked at so
       far; a second signal ends it at once

Examples:
  REGISTRY=registry.example.com/backup image-cloner rescue --all --check \\
    --containerd-socket /run/containerd/containerd.sock
  image-cloner rescue --docker-socket /var/run/docker.sock alpine:3.12 quay.io/team/app:1
`;

/** `image-cloner rescue [--all | REFERENCE…]` */
export function configure(command: Command, surroundings: CommandSurroundings): void {
  command
    .description(
      'Says of images that nodes hold whether their source and their backup are there, and makes the backups\nthat are missing.',
    )
    .argument('[reference...]', 'images; or --all', readReferences)
    .option('--all', 'every image that is held')
    .option('--check', 'only look: make no backup')
    .option('--json', 'print the result as JSON')
    .option('--config <file>', 'YAML file with settings')
    .option('--docker-socket <path>', 'socket of the Docker daemon of this node')
    .option('--containerd-socket <path>', 'socket of the containerd of this node')
    .option('--containerd-namespace <name>', 'namespace of its images (k8s.io)')
    .addHelpText('after', AFTER)
    .action((references: readonly Reference[], options: Options) => run(references, options, surroundings));
}

async function run(
  references: readonly Reference[],
  options: Options,
  surroundings: CommandSurroundings,
): Promise<void> {
  const { process, leave, out, err, exitWith } = surroundings;
  if ((options.all === true) === references.length > 0)
    throw new ConfigError([{ at: 'arguments', what: 'wanted either --all or image references' }]);
  const interrupt = new AbortController();
  onSignals(process, () => interrupt.abort(), leave);
  limitYoungGarbage();
  expectShortLife();
  const progress = progressFor(options, surroundings);
  const { environment } = surroundings;
  try {
    const rescuing = rescueAll(references, options, { environment, progress, signal: interrupt.signal });
    const rescued = await rescuing.finally(() => progress.end());
    const { rows } = rescued;
    out(options.json ? `${JSON.stringify(rows, undefined, 2)}\n` : rescueTable(rows));
    exitWith(rows.every(hasBackup) ? EXIT.done : EXIT.failed);
    if (interrupt.signal.aborted) interrupted(howFar(rescued));
  } catch (error) {
    if (!interrupt.signal.aborted) throw error;
    interrupted('no image was looked at');
  }

  function interrupted(soFar: string): void {
    err(`image-cloner: interrupted, ${soFar}; nothing is left half done\n`);
    exitWith(EXIT.interrupted);
  }
}

function progressFor({ json }: Options, { err: write, terminal }: CommandSurroundings): RescueProgress {
  return json ? silentOn({ write }) : rescueProgressOn({ write, terminal });
}

interface Watched {
  readonly environment: Environment | undefined;
  readonly progress: RescueProgress;
  readonly signal: AbortSignal;
}

async function rescueAll(
  references: readonly Reference[],
  options: Options,
  { environment: given, progress, signal }: Watched,
): Promise<Rescued> {
  const environment = withSockets(given ?? processEnvironment(), options);
  const settings = await loadSettings({ file: options.config, environment });
  const log = await createLogger({ level: 'warn', format: 'text', destination: progress });
  const metrics = createMetrics({ version: '' });
  const parts = { settings, log, metrics, environment, audience: progress };
  const { cloning, origins, askSource, settle } = await compose(parts);
  try {
    if (origins.length === 0)
      throw new ConfigError([
        { at: 'containerd.socket', what: 'is not set, nor is docker.socket or agents.addresses' },
      ]);
    const { copies, judgement } = cloning;
    const { onFound, onRow } = progress;
    const places = { origins, copies, naming: judgement.naming, askSource };
    return await rescue(references, { ...places, onFound, onRow, check: options.check === true, signal });
  } finally {
    await settle(AbortSignal.abort());
  }
}

/** What is typed wins over what is set. */
function withSockets(
  environment: Environment,
  { dockerSocket, containerdSocket, containerdNamespace }: Options,
): Environment {
  return {
    ...environment,
    ...(dockerSocket !== undefined && { DOCKER_SOCKET: dockerSocket }),
    ...(containerdSocket !== undefined && { CONTAINERD_SOCKET: containerdSocket }),
    ...(containerdNamespace !== undefined && { CONTAINERD_NAMESPACE: containerdNamespace }),
  };
}

function readReferences(text: string, before: readonly Reference[] = []): readonly Reference[] {
  try {
    return [...before, parseReference(text)];
  } catch (error) {
    if (error instanceof InvalidReferenceError) throw new InvalidArgumentError(error.message);
    throw error;
  }
}
