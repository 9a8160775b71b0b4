import type { Platform } from '../image/platform.ts';
import { formatReference, type Reference, repositoryOf } from '../image/reference.ts';
import type { Channel } from './channel.ts';
import { ContainerdError, hasCode } from './containerd-error.ts';
import { PULL_IMAGE } from './method.ts';
import type { Credential, PullOptions } from './pull-options.ts';
import { transferPull } from './transfer-pull.ts';

/** Where Kubernetes' part of containerd keeps its images, whatever it is asked. */
export const KUBERNETES_NAMESPACE = 'k8s.io';

export interface Puller {
  readonly channel: Channel;
  readonly namespace: string;
  /** Which images of an index are fetched; none means all. containerd 1.6 fetches its own alone. */
  readonly platforms: readonly Platform[];
  readonly hostsDir: string;
}

/**
 * Has the daemon fetch an image with its own proxy, name servers and certificates: by the Transfer service, and where
 * there is none by Kubernetes' part of it. It stays on the node until somebody removes it.
 * @throws ContainerdError
 */
export async function pull(
  { channel, namespace, platforms, hostsDir }: Puller,
  source: Reference,
  options: PullOptions,
  signal: AbortSignal,
): Promise<void> {
  const call = { operation: `pull ${formatReference(source)} through containerd`, signal };
  const name = nameOf(source);
  refuseRegistryToken(options.credential, call.operation);
  try {
    await transferPull(channel, { source, name, platforms, hostsDir }, options, call);
  } catch (error) {
    if (!hasCode(error, 'UNSUPPORTED_VERSION')) throw error;
    if (namespace !== KUBERNETES_NAMESPACE) {
      const why = `before version 1.7 it pulls into namespace ${KUBERNETES_NAMESPACE} only, not ${JSON.stringify(namespace)}`;
      throw new ContainerdError(why, {
        code: 'UNSUPPORTED_VERSION',
        operation: call.operation,
        cause: error,
      });
    }
    await kubernetesPull(channel, name, options.credential, call);
  }
}

/** As Kubernetes' part names it: of tag and digest the digest counts. */
function nameOf(source: Reference): string {
  const { digest } = source;
  return digest === undefined ? formatReference(source) : `${repositoryOf(source)}@${digest}`;
}

async function kubernetesPull(
  channel: Channel,
  image: string,
  credential: Credential | undefined,
  call: { readonly operation: string; readonly signal: AbortSignal },
): Promise<void> {
  const auth = credential && { auth: authOf(credential) };
  await channel.call(
    PULL_IMAGE,
    { image: { image }, ...auth },
    { ...call, timeoutMs: Infinity, asksRegistry: true },
  );
}

function authOf(credential: Credential): {
  username?: string;
  password?: string;
  identityToken?: string;
} {
  if (credential.kind === 'basic') return { username: credential.username, password: credential.password };
  return { identityToken: credential.token };
}

/** Neither way has a place for one: as a header it would go to every host that the registry sends the daemon to. */
function refuseRegistryToken(credential: Credential | undefined, operation: string): void {
  if (credential?.kind !== 'registry-token') return;
  const why = 'containerd takes a password or an identity token, not a registry token';
  throw new ContainerdError(why, { code: 'REFUSED', operation });
}
