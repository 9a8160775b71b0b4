import type { EventEmitter } from 'node:events';
import type { Command } from 'commander';
import type { Environment } from '../config/process-environment.ts';
import type { LogDestination } from '../telemetry/logger.ts';
import type { Screen } from './live-lines.ts';

/** What a command meets of the process it runs in. */
export interface Surroundings {
  /** What a command reads that is told to read `-`. @default standard input */
  readonly input?: AsyncIterable<Uint8Array | string>;
  /** Results. */
  readonly out: (text: string) => void;
  /** Everything else. */
  readonly err: (text: string) => void;
  /** The process: signals, and errors that nothing caught. */
  readonly process: Pick<EventEmitter, 'on'>;
  /** @default the environment of the process */
  readonly environment?: Environment;
  /** Ends the process at once. */
  readonly leave: (exitCode: number) => void;
  /** Standard error, where it is a terminal: progress is drawn there. */
  readonly terminal?: Screen['terminal'];
  /** Where log lines go. @default standard output */
  readonly log?: LogDestination;
}

/** How a command is run: it says what the process is to end with. */
export interface CommandSurroundings extends Surroundings {
  readonly exitWith: (exitCode: number) => void;
}

/** What a command's file exports: adds arguments, options, help and action. */
interface CommandModule {
  readonly configure: (command: Command, surroundings: CommandSurroundings) => void;
}

export interface CommandEntry {
  readonly name: string;
  /** One line in the list of commands. */
  readonly summary: string;
  /** Loads the command's file, and with it what only this command needs. */
  readonly load: () => Promise<CommandModule>;
}

/** Every command: one file, and one entry here. */
export const COMMANDS: readonly CommandEntry[] = [
  { name: 'serve', summary: 'run the webhook', load: () => import('./commands/serve.ts') },
  { name: 'agent', summary: 'run the agent of a node', load: () => import('./commands/agent.ts') },
  {
    name: 'rescue',
    summary: 'back up the images that nodes hold',
    load: () => import('./commands/rescue.ts'),
  },
  {
    name: 'copy',
    summary: 'copy one artifact between registries and layouts',
    load: () => import('./commands/copy.ts'),
  },
  { name: 'registry', summary: 'run a registry over a folder', load: () => import('./commands/registry.ts') },
  {
    name: 'plan',
    summary: 'say what would become of the images in manifests',
    load: () => import('./commands/plan.ts'),
  },
  {
    name: 'migrate',
    summary: "print our configuration for another tool's",
    load: () => import('./commands/migrate.ts'),
  },
  {
    name: 'settings',
    summary: 'check the configuration and print what it comes to',
    load: () => import('./commands/settings.ts'),
  },
];
