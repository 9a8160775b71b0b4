import { homedir } from 'node:os';
import { join } from 'node:path';
import type { Environment } from '../config/environment.ts';
import type { Source, Target } from '../copy/target.ts';
import { dockerConfigFile } from '../credentials/docker-config-file.ts';
import { formatReference, identifierOf, parseReference, type Reference } from '../image/reference.ts';
import { Layout } from '../layout/layout.ts';
import { Client } from '../registry/client.ts';
import { Repository } from '../registry/repository.ts';

/** One side of a copy, opened. */
export interface Opened<Side> {
  readonly side: Side;
  /** Tag or digest; a layout may be named without one. */
  readonly identifier: string | undefined;
  /** As it is shown to the user, normalised. */
  readonly name: string;
  /** Where a registry's repository is, for mounts. */
  readonly place: Pick<Reference, 'host' | 'path'> | undefined;
  /** HTTP requests sent so far. */
  requests(): number;
  close(): Promise<void>;
}

export interface PlaceOptions {
  /** Speak plain HTTP to this side. Loopback hosts always may. */
  readonly plainHttp: boolean;
  /** `DOCKER_CONFIG` names Docker's folder; credential helpers get the whole of it. */
  readonly environment: Environment;
}

const LAYOUT = /^oci:(?<directory>[^:]+)(?::(?<tag>[^:]+))?$/;

/** @param text a reference, or `oci:DIR[:tag]` */
export async function openSource(text: string, options: PlaceOptions): Promise<Opened<Source>> {
  const layout = LAYOUT.exec(text)?.groups;
  if (layout?.['directory'] === undefined) return openRepository(text, options, 'pull');
  const side = await Layout.open(layout['directory']);
  return { ...offline(text), side, identifier: layout['tag'] ?? (await onlyTag(side)) };
}

/** @param text a reference, or `oci:DIR[:tag]`; the folder is made where it is absent */
export async function openTarget(text: string, options: PlaceOptions): Promise<Opened<Target>> {
  const layout = LAYOUT.exec(text)?.groups;
  if (layout?.['directory'] === undefined) return openRepository(text, options, 'pull,push');
  return { ...offline(text), side: await Layout.create(layout['directory']), identifier: layout['tag'] };
}

function openRepository(
  text: string,
  options: PlaceOptions,
  actions: 'pull' | 'pull,push',
): Opened<Repository> {
  const reference = parseReference(text);
  const client = new Client({
    findCredentials: dockerConfigFile({
      path: join(options.environment['DOCKER_CONFIG'] ?? join(homedir(), '.docker'), 'config.json'),
      helpers: { environment: options.environment },
    }),
    speaksPlainHttp: () => options.plainHttp,
    // The user named both hosts; nobody else chose them.
    mayBeInternal: () => true,
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
async function onlyTag(layout: Layout): Promise<string | undefined> {
  const tags = await layout.tags();
  return tags.length === 1 ? tags[0] : undefined;
}
