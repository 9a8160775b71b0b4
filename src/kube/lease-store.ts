import { KubeError } from './kube-error.ts';
import { leaseNameOf, leaseObject, versionOf } from './lease-object.ts';
import type { ApiAnswer, PodAccount } from './pod-account.ts';

type Account = Pick<PodAccount, 'call' | 'namespace'>;

/** The Lease that was meant is gone or another one by now: no fault, somebody was faster. */
const OVERTAKEN: ReadonlySet<number> = new Set([404, 409]);

/**
 * The Leases of our own namespace, by what they are about. All reject with a KubeError, and resolve to the version of
 * the Lease: undefined when it is not there, or is not the one that was meant.
 */
export class LeaseStore {
  readonly #account: Account;
  readonly #holder: string;

  /** @param holder who we are, unlike every other replica */
  constructor(account: Account, holder: string) {
    this.#account = account;
    this.#holder = holder;
  }

  /** @returns undefined when there is one already */
  create(about: string): Promise<string | undefined> {
    return this.#write('POST', about, undefined);
  }

  /** @returns undefined when there is none */
  async read(about: string): Promise<string | undefined> {
    return versionIn(about, 'read', await this.#call('GET', about));
  }

  /** Makes it ours from now on. @param version which must still be the present one */
  replace(about: string, version: string): Promise<string | undefined> {
    return this.#write('PUT', about, version);
  }

  async delete(about: string, version: string): Promise<void> {
    const answer = await this.#call('DELETE', about, { preconditions: { resourceVersion: version } });
    if (answer.status >= 300 && !OVERTAKEN.has(answer.status)) throw faultOf(about, 'delete', answer);
  }

  async #write(method: 'POST' | 'PUT', about: string, version: string | undefined) {
    const claim = { about, holder: this.#holder, now: new Date(), resourceVersion: version };
    return versionIn(about, 'write', await this.#call(method, about, leaseObject(claim)));
  }

  async #call(method: string, about: string, object?: object): Promise<ApiAnswer> {
    const leases = `/apis/coordination.k8s.io/v1/namespaces/${await this.#account.namespace()}/leases`;
    const path = method === 'POST' ? leases : `${leases}/${leaseNameOf(about)}`;
    return this.#account.call(method, path, object);
  }
}

function versionIn(about: string, verb: string, answer: ApiAnswer): string | undefined {
  if (OVERTAKEN.has(answer.status)) return undefined;
  const version = answer.status < 300 ? versionOf(answer.object) : undefined;
  if (version === undefined) throw faultOf(about, verb, answer);
  return version;
}

function faultOf(about: string, verb: string, { status }: ApiAnswer): KubeError {
  return KubeError.ofStatus(`${verb} the lease of ${about}`, status);
}
