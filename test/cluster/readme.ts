import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { Site } from './site.ts';

const CHECKOUT = fileURLToPath(new URL('../../', import.meta.url));
const INSTALL = 'Install in a cluster';
const NODES = 'docs/nodes.md';

/** The three blocks of commands under "Install in a cluster", in their order. */
export interface InstallCommands {
  readonly install: string;
  readonly optIn: string;
  readonly isItWell: string;
}

/**
 * Reads the commands out of the README: what is tested is what stands there.
 * @throws when the section has other blocks than these three
 */
export function installCommands(site: Site): InstallCommands {
  const blocks = commandBlocks('README.md', INSTALL);
  const [install, optIn, isItWell, ...more] = blocks.map((block) => substituted(block, site));
  if (install === undefined || optIn === undefined || isItWell === undefined || more.length > 0)
    throw new Error(`Cannot read the README: wanted 3 blocks under "${INSTALL}", got ${blocks.length}`);
  return { install, optIn, isItWell };
}

/** What `docs/nodes.md` says to type for node agents, in its order. */
export interface AgentCommands {
  readonly install: string;
  readonly tellWebhook: string;
  readonly remove: string;
  readonly rescue: string;
}

/** @throws when the sections "Agents" and "Rescue" have other blocks than these */
export function agentCommands(site: Site): AgentCommands {
  const blocks = [...commandBlocks(NODES, 'Agents'), ...commandBlocks(NODES, 'Rescue')];
  const [install, tellWebhook, remove, onNode, rescue, ...more] = blocks.map((block) =>
    substituted(block, site),
  );
  if (!install || !tellWebhook || !remove || !onNode || !rescue || more.length > 0)
    throw new Error(`Cannot read ${NODES}: wanted 3 blocks on agents and 2 on rescue, got ${blocks.length}`);
  return { install, tellWebhook, remove, rescue };
}

/**
 * The one place that says what differs between the documents and a run of them: the registries, which speak plain HTTP here,
 * and the image, which comes from the "public" registry of the tests. `$PASSWORD` is set in the environment.
 */
function substituted(block: string, site: Site): string {
  const plainHttp = `--from-literal=REGISTRY_PLAIN_HTTP=true --from-literal=SOURCES_PLAIN_HTTP=${site.public.host}`;
  return block
    .replaceAll('--from-literal=REGISTRY=registry.example.com/backup', `$& ${plainHttp}`)
    .replaceAll('registry.example.com/', `${site.backup.host}/`)
    .replaceAll('--image=alpine:3.12', `--image=${site.public.host}/library/alpine:3.12`);
}

/** The blocks of commands in one section of a document. @param file its path in the checkout */
export function commandBlocks(file: string, heading: string): readonly string[] {
  return shellBlocks(sectionOf(readFileSync(`${CHECKOUT}${file}`, 'utf8'), heading));
}

function sectionOf(markdown: string, heading: string): string {
  const section = markdown.split(/^## /m).find((text) => text.startsWith(`${heading}\n`));
  if (section === undefined) throw new Error(`Cannot find "## ${heading}" `);
  return section;
}

function shellBlocks(section: string): readonly string[] {
  return [...section.matchAll(/^```sh\n(.*?)^```$/gms)].map(([, block = '']) => block);
}
