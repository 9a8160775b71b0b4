import { Command, CommanderError } from 'commander';
import { describeError } from '../telemetry/error-fields.ts';
import { COMMANDS, type CommandEntry, type CommandSurroundings, type Surroundings } from './command.ts';
import { EXIT, exitCodeOf } from './exit-code.ts';
import { readVersion } from './version.ts';

const DESCRIPTION = `Keeps a private copy of every public image that a Kubernetes cluster uses.

A mutating admission webhook sees each workload that is created or changed, copies its images into your backup registry, and makes the workload use the copies.`;

const AFTER = `
Configuration:
  A YAML file (--config FILE, or IMAGE_CLONER_CONFIG) and environment variables, which win.
  "image-cloner serve --help" lists them all.

Exit codes:
  ${EXIT.done}        done, or stopped by a signal with everything under way finished
  ${EXIT.failed}        failed: standard error or the log says why
  ${EXIT.usage}        wrong arguments or wrong configuration: the same call fails again
  130, 143 ended at once by a second SIGINT or SIGTERM

Examples:
  image-cloner copy alpine:3.12 registry.example.com/backup/alpine:3.12
  image-cloner registry --dir ./backup --listen 127.0.0.1:5001
  REGISTRY=127.0.0.1:5001/backup image-cloner settings
  REGISTRY=registry.example.com/backup image-cloner serve
`;

/**
 * Runs one command.
 * @param args without the names of node and of the script
 * @returns the exit code
 */
export async function run(args: readonly string[], surroundings: Surroundings): Promise<number> {
  let exitCode: number = EXIT.done;
  const program = createProgram(surroundings);
  try {
    await addCommands(program, args, { ...surroundings, exitWith: (code) => void (exitCode = code) });
    await program.parseAsync(args, { from: 'user' });
    return exitCode;
  } catch (error) {
    if (!(error instanceof CommanderError))
      surroundings.err(`image-cloner: ${describeError(error).message}\n`);
    return exitCodeOf(error);
  }
}

function createProgram({ out, err }: Surroundings): Command {
  return new Command('image-cloner')
    .description(DESCRIPTION)
    .version(readVersion())
    .configureOutput({ writeOut: out, writeErr: err })
    .showHelpAfterError('("--help" says more)')
    .exitOverride()
    .addHelpText('after', AFTER);
}

/** All are listed; the file of one is loaded only where it is asked for, also by `help serve`. */
async function addCommands(
  program: Command,
  args: readonly string[],
  surroundings: CommandSurroundings,
): Promise<void> {
  for (const entry of COMMANDS) await addCommand(program, entry, args.includes(entry.name) && surroundings);
}

async function addCommand(
  program: Command,
  { name, summary, load }: CommandEntry,
  wanted: CommandSurroundings | false,
): Promise<void> {
  const command = program.command(name).summary(summary).description(summary);
  if (wanted !== false) (await load()).configure(command, wanted);
}
