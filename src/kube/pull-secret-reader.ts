import { type PullSecrets, secretNames } from '../workload/pull-secrets.ts';
import type { ApiServer, ObjectName } from './api-server.ts';
import { KubeError } from './kube-error.ts';
import { Recent } from './recent.ts';

/** A Secret with credentials for registries, as it is written there. */
export interface PullSecret extends ObjectName {
  readonly form: 'dockerconfigjson' | 'dockercfg';
  readonly text: string;
}

/** What there is for a pod to pull its images with, and what of it could not be read. */
export interface ReadPullSecrets {
  readonly secrets: readonly PullSecret[];
  readonly faults: readonly Fault[];
}

export interface Fault extends ObjectName {
  readonly resource: 'secrets' | 'serviceaccounts';
  readonly error: KubeError;
}

/** A changed Secret counts within half a minute, one that is made or granted now within seconds. */
const HOLD = { holdMs: 30_000, holdFaultMs: 3_000 };
/** Tenants choose the names; a Secret has at most 1 MiB, and a few KiB in life. */
const MOST_SECRETS = 1_000;
const MOST_ACCOUNTS = 5_000;

/** The types of Secrets that hold credentials for registries (core/v1 SecretType), with their one key. */
const FORMS = {
  'kubernetes.io/dockerconfigjson': ['dockerconfigjson', '.dockerconfigjson'],
  'kubernetes.io/dockercfg': ['dockercfg', '.dockercfg'],
} as const;

/** Reads the pull secrets that a pod names, then those of its service account; a template does not show these. */
export class PullSecretReader {
  readonly #api: Pick<ApiServer, 'secret' | 'serviceAccount'>;
  readonly #secrets = new Recent<PullSecret | undefined>({ ...HOLD, most: MOST_SECRETS });
  readonly #accounts = new Recent<readonly string[]>({ ...HOLD, most: MOST_ACCOUNTS });

  constructor(api: Pick<ApiServer, 'secret' | 'serviceAccount'>) {
    this.#api = api;
  }

  /**
   * Never rejects. A Secret or account that is not there is none, as for the kubelet. Faults are in the order in which the
   * pod names things, whichever answer comes first: users are told of the first one.
   */
  async read(namespace: string, { names, serviceAccount }: PullSecrets): Promise<ReadPullSecrets> {
    const [own, account] = await Promise.all([
      Promise.all(names.map((name) => this.#secret({ namespace, name }))),
      this.#namesOf(namespace, serviceAccount),
    ]);
    const further = (account.found ?? []).filter((name) => !names.includes(name));
    const accounts = await Promise.all(further.map((name) => this.#secret({ namespace, name })));
    return {
      secrets: [...own, ...accounts].flatMap(({ found }) => found ?? []),
      faults: [...own, account, ...accounts].flatMap(({ fault }) => fault ?? []),
    };
  }

  #secret(object: ObjectName): Promise<Looked<PullSecret>> {
    const answer = this.#secrets.get(keyOf(object), async () => {
      const { type = '', data = {} } = await this.#api.secret(object);
      const [form, key] = isForm(type) ? FORMS[type] : [];
      const base64 = key === undefined ? undefined : data[key];
      if (form === undefined || base64 === undefined) return undefined;
      return { ...object, form, text: Buffer.from(base64, 'base64').toString('utf8') };
    });
    return looked(answer, { ...object, resource: 'secrets' });
  }

  async #namesOf(namespace: string, name: string | undefined): Promise<Looked<readonly string[]>> {
    if (name === undefined) return {};
    const object = { namespace, name };
    const answer = this.#accounts.get(keyOf(object), async () =>
      secretNames((await this.#api.serviceAccount(object)).imagePullSecrets),
    );
    return looked(answer, { ...object, resource: 'serviceaccounts' });
  }
}

/** What an answer came to; neither, where there is no such object. */
interface Looked<T> {
  readonly found?: T | undefined;
  readonly fault?: Fault;
}

async function looked<T>(answer: Promise<T | undefined>, asked: Omit<Fault, 'error'>): Promise<Looked<T>> {
  try {
    return { found: await answer };
  } catch (error) {
    // Anything else is a defect and must not pass for "no secret".
    if (!(error instanceof KubeError)) throw error;
    return error.code === 'NOT_FOUND' ? {} : { fault: { ...asked, error } };
  }
}

function isForm(type: string): type is keyof typeof FORMS {
  return Object.hasOwn(FORMS, type);
}

function keyOf({ namespace, name }: ObjectName): string {
  return `${namespace}/${name}`;
}
