import { randomUUID } from 'node:crypto';
import { type Answer, answer } from './answer.ts';
import { type Incoming, type Listener, type ListenerOptions, listen } from './listener.ts';
import { makeLoopbackCertificate } from './loopback-certificate.ts';

/** A Kubernetes object of which only its name matters here. */
export interface KubeObject {
  readonly metadata: { readonly name: string; readonly namespace?: string };
  readonly [field: string]: unknown;
}

/** What somebody may do: `get secrets a/pull`, `list nodes`. Default: everything. */
type Allow = (action: string) => boolean;

/** An API server that knows a few objects, wants its token, and has RBAC as a test says. */
export interface FakeApiServer extends Listener {
  /** Text of a kubeconfig for it. */
  readonly kubeconfig: string;
  put(resource: string, object: KubeObject): void;
  remove(resource: string, object: KubeObject): void;
  allow: Allow;
}

const NAMESPACED = /^\/api\/v1\/namespaces\/(?<namespace>[^/]+)\/(?<resource>[^/]+)\/(?<name>[^/]+)$/;
const CLUSTER = /^\/api\/v1\/(?<resource>[^/]+)$/;

export async function startApiServer(options: ListenerOptions = {}): Promise<FakeApiServer> {
  const { ca, cert, key } = await makeLoopbackCertificate();
  const token = randomUUID();
  const objects = new Map<string, KubeObject>();
  const listener = await listen((incoming) => handle(incoming, { token, objects, allow }), {
    ...options,
    tls: { cert, key },
  });
  const server: FakeApiServer = {
    ...listener,
    kubeconfig: kubeconfigOf(listener.url, ca, token),
    allow: () => true,
    put: (resource, object) => void objects.set(keyOf(resource, object), object),
    remove: (resource, object) => void objects.delete(keyOf(resource, object)),
  };
  function allow(action: string): boolean {
    return server.allow(action);
  }
  return server;
}

interface State {
  readonly token: string;
  readonly objects: ReadonlyMap<string, KubeObject>;
  readonly allow: Allow;
}

function handle(incoming: Incoming, state: State): Answer {
  const { method, path, query, headers } = incoming;
  if (headers.authorization !== `Bearer ${state.token}`) return status(401, 'Unauthorized');
  if (method !== 'GET') return status(405, 'MethodNotAllowed');
  const { namespace, resource, name } = NAMESPACED.exec(path)?.groups ?? {};
  if (name !== undefined) return get(`${resource} ${namespace}/${name}`, state);
  const { resource: all = '' } = CLUSTER.exec(path)?.groups ?? {};
  return state.allow(`list ${all}`) ? list(all, query, state) : status(403, 'Forbidden');
}

function get(key: string, { objects, allow }: State): Answer {
  if (!allow(`get ${key}`)) return status(403, 'Forbidden');
  const object = objects.get(key);
  return object === undefined ? status(404, 'NotFound') : json(200, object);
}

/** In pages, as `limit` and `continue` ask for them. */
function list(resource: string, query: URLSearchParams, { objects }: State): Answer {
  const all = [...objects].flatMap(([key, object]) => (key.startsWith(`${resource} `) ? [object] : []));
  const start = Number(query.get('continue') ?? '0');
  const end = start + Number(query.get('limit') ?? all.length);
  const metadata = end < all.length ? { continue: String(end) } : {};
  return json(200, { apiVersion: 'v1', kind: 'List', metadata, items: all.slice(start, end) });
}

function status(code: number, reason: string): Answer {
  return json(code, { apiVersion: 'v1', kind: 'Status', status: 'Failure', reason, code });
}

function json(code: number, body: unknown): Answer {
  return answer(code, { 'content-type': 'application/json' }, JSON.stringify(body));
}

function keyOf(resource: string, { metadata: { name, namespace = '' } }: KubeObject): string {
  return `${resource} ${namespace}/${name}`;
}

/** Kubernetes type `v1.Config`; JSON is YAML. */
function kubeconfigOf(url: string, ca: string, token: string): string {
  const authority = Buffer.from(ca).toString('base64');
  return JSON.stringify({
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name: 'fake', cluster: { server: url, 'certificate-authority-data': authority } }],
    users: [{ name: 'fake', user: { token } }],
    contexts: [{ name: 'fake', context: { cluster: 'fake', user: 'fake' } }],
    'current-context': 'fake',
  });
}

/** A Secret for pulling images, of the type that `kubectl create secret docker-registry` makes. */
export function pullSecret(
  namespace: string,
  name: string,
  auths: Readonly<Record<string, { readonly username: string; readonly password: string }>>,
): KubeObject {
  const text = JSON.stringify({ auths });
  return {
    metadata: { name, namespace },
    type: 'kubernetes.io/dockerconfigjson',
    data: { '.dockerconfigjson': Buffer.from(text).toString('base64') },
  };
}

export function serviceAccount(namespace: string, name: string, secrets: readonly string[]): KubeObject {
  return { metadata: { name, namespace }, imagePullSecrets: secrets.map((secret) => ({ name: secret })) };
}

export function node(name: string, operatingSystem: string, architecture: string): KubeObject {
  return { metadata: { name }, status: { nodeInfo: { operatingSystem, architecture } } };
}
