import { readFile } from 'node:fs/promises';
import type { IncomingMessage } from 'node:http';
import { Agent, request } from 'node:https';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { KubeError } from './kube-error.ts';

export interface PodAccountOptions {
  /** Folder that Kubernetes mounts: `token`, `ca.crt` and `namespace`. */
  readonly dir: string;
  /** `KUBERNETES_SERVICE_HOST` and `…_PORT`, which every pod has. */
  readonly host: string | undefined;
  readonly port: string | undefined;
}

export interface ApiAnswer {
  readonly status: number;
  /** Parsed JSON; undefined where the answer is something else. */
  readonly object: unknown;
}

interface Sent {
  readonly method: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  /** The authority that the server's certificate is of, PEM. */
  readonly ca: string;
}

/** Nobody waits longer for a lease than for a copy made twice. */
const TIMEOUT_MS = 3_000;

/**
 * The API server as a pod speaks to it with its own service account. For the few small objects that are our own: the
 * client library of `ApiServer` knows every kind there is, and costs 90 MB and a second for it.
 */
export class PodAccount {
  readonly #dir: string;
  readonly #address: { readonly host: string; readonly port: string };
  #namespace: string | undefined;
  readonly #agent = new Agent({ keepAlive: true, maxSockets: 4 });

  /** @throws KubeError `NOT_CONFIGURED` */
  constructor({ dir, host, port }: PodAccountOptions) {
    if (host === undefined || port === undefined)
      throw new KubeError(
        'find the API server',
        'wanted KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT, which every pod has',
        'NOT_CONFIGURED',
      );
    this.#dir = dir;
    this.#address = { host, port };
  }

  /** Namespace of the pod, which never changes. @throws KubeError `NOT_CONFIGURED` */
  async namespace(): Promise<string> {
    this.#namespace ??= (await this.#read('namespace')).trim();
    return this.#namespace;
  }

  /**
   * @param path below the server, with the API group: `/apis/coordination.k8s.io/v1/…`
   * @returns any answer @throws KubeError `NOT_CONFIGURED`, `UNREACHABLE`
   */
  async call(method: string, path: string, object?: object): Promise<ApiAnswer> {
    // Both are replaced while the pod runs, the token every hour.
    const [token, ca] = await Promise.all([this.#read('token'), this.#read('ca.crt')]);
    const body = object === undefined ? undefined : JSON.stringify(object);
    const headers = {
      authorization: `Bearer ${token.trim()}`,
      accept: 'application/json',
      'user-agent': 'image-cloner',
      // Node leaves out the length of a DELETE's body.
      ...(body !== undefined && {
        'content-type': 'application/json',
        'content-length': String(Buffer.byteLength(body)),
      }),
    };
    try {
      return await this.#exchange({ method, path, headers, ca }, body);
    } catch (cause) {
      throw KubeError.from(`${method} ${path}`, cause);
    }
  }

  close(): void {
    this.#agent.destroy();
  }

  async #exchange(options: Sent, body: string | undefined): Promise<ApiAnswer> {
    const signal = AbortSignal.timeout(TIMEOUT_MS);
    const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
    const call = { ...this.#address, ...options, agent: this.#agent, signal };
    request(call, resolve).on('error', reject).end(body);
    const answer = await promise;
    return { status: answer.statusCode ?? 0, object: parsed(await text(answer)) };
  }

  async #read(name: string): Promise<string> {
    const path = join(this.#dir, name);
    try {
      return await readFile(path, 'utf8');
    } catch (cause) {
      const code: unknown = cause instanceof Error ? Reflect.get(cause, 'code') : undefined;
      throw new KubeError(`read ${JSON.stringify(path)}`, String(code), 'NOT_CONFIGURED');
    }
  }
}

function parsed(body: string): unknown {
  try {
    return JSON.parse(body);
  } catch {
    return undefined;
  }
}
