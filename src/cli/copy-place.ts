import { homedir } from 'node:os';
import { join } from 'node:path';
import type { Environment } from '../config/process-environment.ts';
import type { Source, Target } from '../copy/target.ts';
import { dockerConfigFile } from '../credentials/docker-config-file.ts';
import { formatReference, identifierOf, parseReference, type Reference } from '../image/reference.ts';
import { Layout } from '../layout/layout.ts';
import { Client } from '../registry/client.ts';
import type { ObserveRegistry } from '../registry/event.ts';
import { hostCertificatesIn } from '../registry/host-certificates.ts';
import { proxyFrom } from '../registry/proxy.ts';
import { Repository } from '../registry/repository.ts';
import { removeIfEmpty, willBeNew } from './new-layout.ts';
import { InvalidPlaceError, type LayoutName, readLayoutName } from './place-name.ts';

/** One side of a copy, opened. */
interface Opened<Side, Identifier extends string | undefined = string> {
  readonly side: Side;
  /** Tag or digest; a layout that is written to may be named without one. */
  readonly identifier: Identifier;
  /** As it is shown to the user, normalised. */
  readonly name: string;
  /** Where a registry's repository is, for mounts. */
  readonly place: Pick<Reference, 'host' | 'path'> | undefined;
  /** HTTP requests sent so far. */
  requests(): number;
  close(): Promise<void>;
}

export type OpenedSource = Opened<Source>;
export type OpenedTarget = Opened<Target, string | undefined>;

export interface PlaceOptions {
  /** Speak plain HTTP to this side. Loopback hosts always may. */
  readonly plainHttp: boolean;
  /** Certificates of registries, in Docker's layout. */
  readonly certsDir: string;
  /** `DOCKER_CONFIG` names Docker's folder; credential helpers get the whole of it. */
  readonly environment: Environment;
  readonly observe: ObserveRegistry;
}

/**
 * @param text a reference, or `oci:DIR[:tag]`
 * @throws InvalidPlaceError, InvalidReferenceError; LayoutError for a folder that is no layout
 */
export async function openSource(text: string, options: PlaceOptions): Promise<OpenedSource> {
  const named = readLayoutName(text);
  if (named === undefined) return openRepository(text, options, 'pull');
  const side = await Layout.open(named.directory);
  return { ...offline(text), side, identifier: named.identifier ?? (await onlyTag(side, text)) };
}

/**
 * The folder of a layout is made where it is absent, and is gone again when nothing arrived in it.
 * @param text a reference, or `oci:DIR[:tag]`
 * @throws InvalidPlaceError, InvalidReferenceError; LayoutError for a folder with something else in it
 */
export async function openTarget(text: string, options: PlaceOptions): Promise<OpenedTarget> {
  const named = readLayoutName(text);
  return named === undefined ? openRepository(text, options, 'pull,push') : createLayout(text, named);
}

async function createLayout(text: string, { directory, identifier }: LayoutName): Promise<OpenedTarget> {
  const isNew = await willBeNew(directory);
  const side = await Layout.create(directory);
  return { ...offline(text), side, identifier, ...(isNew && { close: () => removeIfEmpty(directory) }) };
}

function openRepository(
  text: string,
  options: PlaceOptions,
  actions: 'pull' | 'pull,push',
): Opened<Repository> {
  const reference = parseReference(text);
  const client = new Client({
    findCredentials: dockerConfigFile({
      path: join(options.environment['DOCKER_CONFIG'] || join(homedir(), '.docker'), 'config.json'),
      helpers: { environment: options.environment },
    }),
    speaksPlainHttp: () => options.plainHttp,
    // The user named both hosts; nobody else chose them.
    mayBeInternal: () => true,
    findCertificates: hostCertificatesIn(options.certsDir),
    findProxy: proxyFrom(options.environment),
    observe: options.observe,
  });
  return {
    side: new Repository(client, reference, actions),
    identifier: identifierOf(reference),
    name: formatReference(reference),
    place: reference,
    requests: () => client.requests,
    close: () => client.close(),
  };
}

function offline(name: string): Omit<Opened<never>, 'side' | 'identifier'> {
  return { name, place: undefined, requests: () => 0, close: () => Promise.resolve() };
}

/** A layout with one tag needs no name for it. */
async function onlyTag(layout: Layout, text: string): Promise<string> {
  const [tag, ...others] = await layout.tags();
  if (tag !== undefined && others.length === 0) return tag;
  const offered =
    tag === undefined ? 'it has none' : `it has ${[tag, ...others].slice(0, MOST_SHOWN).join(', ')}`;
  throw new InvalidPlaceError(text, `wanted ":tag" or "@digest" behind the folder, ${offered}`);
}

/** Tags that an error names: enough to see what kind they are of. */
const MOST_SHOWN = 10;
