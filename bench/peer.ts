import { output } from '../test/e2e/harness/command.ts';
import { MissingPartError, type Part, programOf } from '../test/e2e/harness/part.ts';
import type { Command } from './measurement.ts';
import type { Pair } from './pair.ts';
import { environmentOf, type Surroundings, type Tool } from './tool.ts';

interface Peer {
  readonly part: Part;
  readonly versionArgs: readonly string[];
  readonly copyArgs: (pair: Pair, surroundings: Surroundings) => readonly string[];
}

/** All copy every platform, keep every digest, and speak plain HTTP where they are given no authority. */
const PEERS: readonly Peer[] = [
  {
    part: 'crane',
    versionArgs: ['version'],
    copyArgs: ({ source, target }, { authority }) => [
      'copy',
      ...(authority === undefined ? ['--insecure'] : []),
      source,
      target,
    ],
  },
  {
    part: 'skopeo',
    versionArgs: ['--version'],
    copyArgs: ({ source, target }, { dockerConfig, authority }) => [
      'copy',
      '--all',
      '--preserve-digests',
      ...(authority === undefined ? ['--src-tls-verify=false', '--dest-tls-verify=false'] : []),
      `--authfile=${dockerConfig}/config.json`,
      `docker://${source}`,
      `docker://${target}`,
    ],
  },
  {
    part: 'regctl',
    versionArgs: ['version', '--format', '{{.VCSTag}}'],
    copyArgs: ({ source, target }, { authority }) => [
      'image',
      'copy',
      ...(authority === undefined
        ? [source, target].map((reference) => `--host=reg=${hostOf(reference)},tls=disabled`)
        : []),
      source,
      target,
    ],
  },
  {
    part: 'oras',
    versionArgs: ['version'],
    copyArgs: ({ source, target }, { authority }) => [
      'cp',
      ...(authority === undefined ? ['--from-plain-http', '--to-plain-http'] : []),
      source,
      target,
    ],
  },
];

/** The peers that are on this machine, and a line about each that is not. */
export function installedPeers(): { readonly tools: readonly Tool[]; readonly missing: readonly string[] } {
  const tools: Tool[] = [];
  const missing: string[] = [];
  for (const peer of PEERS) {
    try {
      tools.push(toolOf(peer, programOf(peer.part)));
    } catch (error) {
      if (!(error instanceof MissingPartError)) throw error;
      missing.push(error.message);
    }
  }
  return { tools, missing };
}

function toolOf({ part, versionArgs, copyArgs }: Peer, program: string): Tool {
  return {
    name: part,
    copiesMany: false,
    version: async () => versionIn(await output(program, versionArgs)),
    command: (pairs, surroundings) => ({
      ...inTurn(pairs.map((pair) => [program, ...copyArgs(pair, surroundings)])),
      environment: environmentOf(surroundings),
    }),
  };
}

/** One process, or a shell that starts one after the other. */
function inTurn(lines: readonly (readonly string[])[]): Pick<Command, 'program' | 'args'> {
  const [[program = '', ...args] = [], ...rest] = lines;
  if (rest.length === 0) return { program, args };
  return { program: '/bin/sh', args: ['-c', lines.map((line) => line.map(quoted).join(' ')).join(' && ')] };
}

function quoted(word: string): string {
  return `'${word.replaceAll("'", String.raw`'\''`)}'`;
}

/** The first word that looks like a version. */
function versionIn(text: string): string {
  return /v?\d+\.\d+\.\d+\S*/.exec(text)?.[0] ?? text.trim();
}

function hostOf(reference: string): string {
  return reference.slice(0, reference.indexOf('/'));
}
