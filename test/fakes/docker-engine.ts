import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { formatReference, parseReference } from '../../src/image/reference.ts';
import { type Answer, answer } from './answer.ts';
import type { Fault } from './fault.ts';
import { type Incoming, type Listener, listen } from './listener.ts';
import { tempFolder } from './temp-folder.ts';

/** An image that the fake daemon holds. */
interface FakeImage {
  readonly id: string;
  /** `host/path:tag` and `host/path@digest`, as `docker images --digests` lists them. */
  names: string[];
  /** `Manifests` of its JSON, told by those versions of the API that do. */
  readonly manifests?: readonly object[];
  /** What it is saved as. */
  readonly archive?: Buffer;
}

export interface FakeEngineOptions {
  readonly images?: readonly FakeImage[];
  /** What registries have, for pulls: name → image. */
  readonly remote?: Readonly<Record<string, FakeImage>>;
  /** Default `1.51`. */
  readonly apiVersion?: string;
  /** Default `1.24`. */
  readonly minApiVersion?: string;
  /** Default: containerd's image store. */
  readonly store?: 'classic' | 'containerd';
  readonly faults?: readonly Fault[];
}

export interface FakeEngine extends Listener {
  /** Path of its socket. */
  readonly socket: string;
  readonly images: readonly FakeImage[];
  /** What was pushed: name → id of the image. */
  readonly pushed: ReadonlyMap<string, string>;
  names(): readonly string[];
}

/** What the handlers of one fake share. */
interface State {
  readonly options: FakeEngineOptions;
  readonly images: FakeImage[];
  readonly pushed: Map<string, string>;
}

const VERSIONED = /^\/v(\d+\.\d+)(\/.*)$/;
/** The names in a path may have slashes, and any of the routes' words, in them. */
const ROUTES: readonly (readonly [
  method: string,
  path: RegExp,
  (state: State, incoming: Incoming, name: string, version: string) => Answer,
])[] = [
  ['GET', /^\/info$/, info],
  ['GET', /^\/images\/json$/, list],
  ['GET', /^\/images\/(.+)\/json$/, inspect],
  ['GET', /^\/images\/(.+)\/get$/, save],
  ['POST', /^\/images\/create$/, pull],
  ['POST', /^\/images\/(.+)\/tag$/, tag],
  ['POST', /^\/images\/(.+)\/push$/, push],
  ['DELETE', /^\/images\/(.+)$/, untag],
];

/** A Docker daemon in memory that works, on a socket that is gone when the test is over. */
export async function startEngine(options: FakeEngineOptions = {}): Promise<FakeEngine> {
  const images = (options.images ?? []).map((image) => ({ ...image, names: [...image.names] }));
  const state: State = { options, images, pushed: new Map() };
  const socket = join(await tempFolder(), 'docker.sock');
  const listener = await listen((incoming) => handle(state, incoming), { ...options, socket });
  onTestFinished(() => listener.close());
  return {
    ...listener,
    socket,
    images,
    pushed: state.pushed,
    names: () => state.images.flatMap((image) => image.names).toSorted(),
  };
}

function handle(state: State, incoming: Incoming): Answer {
  const { apiVersion = '1.51', minApiVersion = '1.24' } = state.options;
  if (incoming.path === '/version')
    return json(200, { ApiVersion: apiVersion, MinAPIVersion: minApiVersion });
  const [, version = apiVersion, path = incoming.path] = VERSIONED.exec(incoming.path) ?? [];
  if (minorOf(version) > minorOf(apiVersion) || minorOf(version) < minorOf(minApiVersion))
    return message(400, `client version ${version} is too new or too old`);
  return route(state, { ...incoming, path: decodeURIComponent(path) }, version);
}

function route(state: State, incoming: Incoming, version: string): Answer {
  for (const [method, path, serve] of ROUTES) {
    const match = incoming.method === method ? path.exec(incoming.path) : null;
    if (match !== null) return serve(state, incoming, match[1] ?? '', version);
  }
  return message(404, 'page not found');
}

function info({ options }: State): Answer {
  const containerd = ['driver-type', 'io.containerd.snapshotter.v1'];
  const classic = ['Backing Filesystem', 'extfs'];
  return json(200, { DriverStatus: [options.store === 'classic' ? classic : containerd] });
}

function list({ images }: State, { query }: Incoming, _name: string, version: string): Answer {
  const told = query.has('manifests') && minorOf(version) >= 47;
  return json(
    200,
    images.map((image) => imageJson(image, told)),
  );
}

function inspect(state: State, { query }: Incoming, name: string, version: string): Answer {
  const image = find(state, name);
  if (image === undefined) return message(404, `No such image: ${name}`);
  const told = query.has('manifests') && minorOf(version) >= 48;
  return json(200, { ...imageJson(image, told), Os: 'linux', Architecture: 'amd64' });
}

function imageJson({ id, names, manifests }: FakeImage, told: boolean): object {
  return {
    Id: id,
    RepoTags: names.filter((name) => !isByDigest(name)),
    RepoDigests: names.filter(isByDigest),
    ...(told && { Manifests: manifests ?? [] }),
  };
}

function isByDigest(name: string): boolean {
  return name.includes('@');
}

function save(state: State, _incoming: Incoming, name: string): Answer {
  const archive = find(state, name)?.archive;
  if (archive === undefined) return message(404, `No such image: ${name}`);
  return answer(200, { 'content-type': 'application/x-tar', 'transfer-encoding': 'chunked' }, archive);
}

/** Of a repository without a tag a daemon pulls all; the fake refuses, because we must never ask so. */
function pull({ options, images }: State, { query, headers }: Incoming): Answer {
  const [repository, identifier] = [query.get('fromImage'), query.get('tag')];
  if (!repository || !identifier) return message(400, 'scripted: wanted one tag');
  if (headers['x-registry-auth'] === undefined) return message(400, 'missing X-Registry-Auth: EOF');
  const name = nameOf(repository, identifier);
  const image = options.remote?.[name];
  if (image === undefined) return message(404, `manifest for ${name} not found: manifest unknown`);
  images.push({ ...image, names: [name] });
  return messages(
    { status: `Pulling from ${repository}`, id: identifier },
    { status: 'Downloading', progressDetail: { current: 512, total: 1024 }, id: '2c5ba97cb2d3' },
    { status: 'Pull complete', progressDetail: {}, id: '2c5ba97cb2d3' },
    { status: `Status: Downloaded newer image for ${name}` },
  );
}

function tag(state: State, { query }: Incoming, name: string): Answer {
  const image = find(state, name);
  const [repository, wanted] = [query.get('repo'), query.get('tag')];
  if (image === undefined || !repository || !wanted) return message(404, `No such image: ${name}`);
  remove(state, nameOf(repository, wanted));
  image.names.push(nameOf(repository, wanted));
  return answer(201);
}

function push(state: State, { query, headers }: Incoming, repository: string): Answer {
  const wanted = query.get('tag');
  if (!wanted) return message(400, 'scripted: wanted one tag');
  if (headers['x-registry-auth'] === undefined)
    return message(400, 'Bad parameters and missing X-Registry-Auth: EOF');
  const image = find(state, nameOf(repository, wanted));
  const first = { status: `The push refers to repository [${repository}]` };
  if (image === undefined) return messages(first, { errorDetail: { message: 'tag does not exist' } });
  state.pushed.set(nameOf(repository, wanted), image.id);
  return messages(
    first,
    { status: 'Pushing', progressDetail: { current: 512, total: 1024 }, id: '2c5ba97cb2d3' },
    { status: 'Pushed', progressDetail: {}, id: '2c5ba97cb2d3' },
    { status: `${wanted}: digest: ${image.id} size: 1024` },
  );
}

function untag(state: State, { query }: Incoming, name: string): Answer {
  if (query.get('noprune') !== '1') return message(409, 'scripted: would remove more than a name');
  return remove(state, name) ? json(200, [{ Untagged: name }]) : message(404, `No such image: ${name}`);
}

function find({ images }: State, name: string): FakeImage | undefined {
  return images.find(({ id, names }) => id === name || names.includes(normalized(name)));
}

function remove(state: State, name: string): boolean {
  const image = find(state, name);
  if (image === undefined) return false;
  image.names = image.names.filter((other) => other !== normalized(name));
  return true;
}

function nameOf(repository: string, identifier: string): string {
  return normalized(`${repository}${identifier.includes(':') ? '@' : ':'}${identifier}`);
}

function normalized(name: string): string {
  return name.startsWith('sha256:') ? name : formatReference(parseReference(name));
}

function minorOf(version: string): number {
  return Number(version.split('.')[1]);
}

function json(status: number, value: unknown): Answer {
  return answer(status, { 'content-type': 'application/json' }, JSON.stringify(value));
}

function message(status: number, text: string): Answer {
  return json(status, { message: text });
}

/** As a daemon streams them. */
export function messages(...values: readonly object[]): Answer {
  const lines = values.map((value) => `${JSON.stringify(value)}\r\n`).join('');
  return answer(200, { 'content-type': 'application/json', 'transfer-encoding': 'chunked' }, lines);
}
