import {
  CoreV1Api,
  createConfiguration,
  KubeConfig,
  type RequestContext,
  ServerConfiguration,
  type V1NodeList,
  type V1Secret,
  type V1ServiceAccount,
} from '@kubernetes/client-node';
import { KubeError } from './kube-error.ts';

export interface ApiServerOptions {
  /** Path of a kubeconfig file. Default: the service account of the pod we run in. */
  readonly kubeconfig?: string | undefined;
  /** Longest wait for one answer, in milliseconds. Default: 3 s, which leaves an admission time for its copies. */
  readonly timeoutMs?: number;
}

/** An object of one namespace. */
export interface ObjectName {
  readonly namespace: string;
  readonly name: string;
}

const TIMEOUT_MS = 3_000;
/** Connections are made anew after this time, with the certificates that are valid then. */
const RENEW_MS = 10 * 60 * 1000;
/** Nodes of one answer: each is about 10 KiB, and the event loop stands still while it is read. */
const NODES_A_PAGE = 500;
/** As the library writes `continue`, which TypeScript keeps for itself. */
const CONTINUE = '_continue';

/** The few questions that we have for the API server. Each rejects with a KubeError. */
export class ApiServer {
  readonly #api: CoreV1Api;

  /** @throws KubeError `NOT_CONFIGURED` */
  constructor({ kubeconfig, timeoutMs = TIMEOUT_MS }: ApiServerOptions = {}) {
    const config = loadConfig(kubeconfig);
    const connections = new Connections();
    this.#api = new CoreV1Api(
      createConfiguration({
        baseServer: new ServerConfiguration(config.getCurrentCluster()?.server ?? '', {}),
        authMethods: {
          default: {
            getName: () => config.getName(),
            applySecurityAuthentication: async (request) => {
              await config.applySecurityAuthentication(request);
              connections.share(request);
              // Seen in the API server's audit log.
              request.setHeaderParam('User-Agent', 'image-cloner');
              request.setSignal(AbortSignal.timeout(timeoutMs));
            },
          },
        },
      }),
    );
  }

  secret({ namespace, name }: ObjectName): Promise<V1Secret> {
    return ask(`read secret ${namespace}/${name}`, () => this.#api.readNamespacedSecret({ namespace, name }));
  }

  serviceAccount({ namespace, name }: ObjectName): Promise<V1ServiceAccount> {
    return ask(`read service account ${namespace}/${name}`, () =>
      this.#api.readNamespacedServiceAccount({ namespace, name }),
    );
  }

  async *nodes(): AsyncGenerator<V1NodeList['items'][number]> {
    let next: string | undefined;
    do {
      const page = { limit: NODES_A_PAGE, ...(next !== undefined && { [CONTINUE]: next }) };
      const { items, metadata } = await ask('list nodes', () => this.#api.listNode(page));
      yield* items;
      next = metadata?.[CONTINUE] || undefined;
    } while (next !== undefined);
  }
}

/** The library makes a new pool of connections for each request; this one is kept for all. */
class Connections {
  #pool: ReturnType<RequestContext['getDispatcher']>;
  #since = 0;

  /** What the library made is dropped before it has opened anything. */
  share(request: RequestContext): void {
    if (this.#pool === undefined || performance.now() - this.#since > RENEW_MS) {
      void this.#pool?.close();
      this.#pool = request.getDispatcher();
      this.#since = performance.now();
    }
    if (this.#pool !== undefined) request.setDispatcher(this.#pool);
  }
}

function loadConfig(kubeconfig: string | undefined): KubeConfig {
  const config = new KubeConfig();
  try {
    if (kubeconfig === undefined) config.loadFromCluster();
    else config.loadFromFile(kubeconfig);
  } catch (cause) {
    throw new KubeError(
      `read ${JSON.stringify(kubeconfig)}`,
      cause instanceof Error ? cause.message : 'unknown',
      'NOT_CONFIGURED',
    );
  }
  const server = config.getCurrentCluster()?.server ?? '';
  if (URL.canParse(server) && new URL(server).hostname !== 'undefined') return config;
  throw new KubeError(
    'find the API server',
    kubeconfig === undefined
      ? 'run in a pod with a service account token, or set access.kubeconfig'
      : `wanted a current context with a cluster in ${JSON.stringify(kubeconfig)}`,
    'NOT_CONFIGURED',
  );
}

async function ask<T>(operation: string, question: () => Promise<T>): Promise<T> {
  try {
    return await question();
  } catch (thrown) {
    throw KubeError.from(operation, thrown);
  }
}
