import { randomUUID } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Answer, answer } from './answer.ts';
import { type Incoming, type Listener, type ListenerOptions, listen } from './listener.ts';
import { makeLoopbackCertificate } from './loopback-certificate.ts';

/** An API server that keeps the Leases of one namespace, with versions and preconditions as a real one has them. */
export interface LeaseServer extends Listener {
  /** `KUBERNETES_SERVICE_HOST` and `…_PORT`. */
  readonly address: { readonly host: string; readonly port: string };
  /** Name of a Lease → who holds it. */
  holders(): Readonly<Record<string, string>>;
  /** Writes what Kubernetes mounts into a pod. */
  mountInto(dir: string): void;
}

interface Lease {
  readonly metadata: { readonly name: string; readonly resourceVersion?: string };
  readonly spec: { readonly holderIdentity: string };
}

const LEASES = /^\/apis\/coordination\.k8s\.io\/v1\/namespaces\/cloner\/leases(?:\/(?<name>[^/]+))?$/;

export async function startLeaseServer(options: ListenerOptions = {}): Promise<LeaseServer> {
  const { ca, cert, key } = await makeLoopbackCertificate();
  const token = randomUUID();
  const shelf = new Shelf();
  const listener = await listen((incoming) => handle(incoming, token, shelf), {
    ...options,
    tls: { cert, key },
  });
  const [host = '', port = ''] = listener.host.split(':');
  return {
    ...listener,
    address: { host, port },
    holders: () => shelf.holders(),
    mountInto: (dir) => {
      for (const [name, text] of [
        ['token', token],
        ['ca.crt', ca],
        ['namespace', 'cloner\n'],
      ] as const)
        writeFileSync(join(dir, name), text);
    },
  };
}

async function handle(incoming: Incoming, token: string, shelf: Shelf): Promise<Answer> {
  const { method, path, headers } = incoming;
  if (headers.authorization !== `Bearer ${token}`) return json(401, {});
  const found = LEASES.exec(path);
  if (found === null) return json(404, {});
  const { name = '' } = found.groups ?? {};
  if (method === 'GET') return shelf.read(name);
  const body: unknown = JSON.parse((await incoming.body()).toString() || '{}');
  if (method === 'POST') return shelf.create(leaseIn(body));
  return method === 'PUT' ? shelf.replace(name, leaseIn(body)) : shelf.delete(name, body);
}

/** The objects, each with the version of its last change. */
class Shelf {
  readonly #leases = new Map<string, Lease>();
  #version = 0;

  holders(): Readonly<Record<string, string>> {
    return Object.fromEntries([...this.#leases].map(([name, { spec }]) => [name, spec.holderIdentity]));
  }

  read(name: string): Answer {
    const lease = this.#leases.get(name);
    return lease === undefined ? json(404, {}) : json(200, lease);
  }

  create(lease: Lease): Answer {
    return this.#leases.has(lease.metadata.name) ? json(409, {}) : json(201, this.#put(lease));
  }

  replace(name: string, lease: Lease): Answer {
    const known = this.#leases.get(name);
    if (known === undefined) return json(404, {});
    const { resourceVersion } = lease.metadata;
    return resourceVersion === known.metadata.resourceVersion ? json(200, this.#put(lease)) : json(409, {});
  }

  delete(name: string, options: unknown): Answer {
    const known = this.#leases.get(name);
    if (known === undefined) return json(404, {});
    const wanted = JSON.stringify({ preconditions: { resourceVersion: known.metadata.resourceVersion } });
    if (JSON.stringify(options) !== wanted) return json(409, {});
    this.#leases.delete(name);
    return json(200, {});
  }

  #put(lease: Lease): Lease {
    this.#version += 1;
    const stored = { ...lease, metadata: { ...lease.metadata, resourceVersion: String(this.#version) } };
    this.#leases.set(lease.metadata.name, stored);
    return stored;
  }
}

/** Of an object that our own code has sent. */
function leaseIn(body: unknown): Lease {
  if (isLease(body)) return body;
  throw new Error(`wanted a Lease, got ${JSON.stringify(body)}`);
}

function isLease(body: unknown): body is Lease {
  return typeof body === 'object' && body !== null && 'metadata' in body && 'spec' in body;
}

function json(status: number, body: unknown): Answer {
  return answer(status, { 'content-type': 'application/json' }, JSON.stringify(body));
}
