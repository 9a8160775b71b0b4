import { hostname } from 'node:os';
import type { Environment } from '../config/process-environment.ts';
import type { Leases } from '../copy/lease.ts';
import type { Logger } from '../telemetry/logger.ts';

/** Where Kubernetes mounts what a pod needs to speak to the API server. */
const SERVICE_ACCOUNT = '/var/run/secrets/kubernetes.io/serviceaccount';

export interface LeaseParts {
  readonly environment: Environment;
  readonly log: Logger;
  /** @default where Kubernetes mounts it */
  readonly serviceAccountDir?: string;
}

/** Leases of the pod's own namespace; loaded where they are wanted. @throws KubeError `NOT_CONFIGURED` */
export async function openLeases({
  environment,
  log,
  serviceAccountDir = SERVICE_ACCOUNT,
}: LeaseParts): Promise<Leases> {
  const { CopyLeases } = await import('../kube/copy-leases.ts');
  const { LeaseStore } = await import('../kube/lease-store.ts');
  const { PodAccount } = await import('../kube/pod-account.ts');
  const account = new PodAccount({
    dir: serviceAccountDir,
    host: environment['KUBERNETES_SERVICE_HOST'],
    port: environment['KUBERNETES_SERVICE_PORT'],
  });
  // The name of a pod is its host's name.
  const store = new LeaseStore(account, hostname());
  return new CopyLeases({
    store,
    onFault: (error) => log.warn({ error }, 'Lease not usable, the copy is made without it'),
  });
}
