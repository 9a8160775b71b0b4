export interface WorkloadOptions {
  readonly kind?: 'Deployment' | 'DaemonSet';
  readonly name: string;
  readonly image: string;
  /** Of a Deployment. Default: 1. */
  readonly replicas?: number;
}

/** A Deployment or DaemonSet with one container, whose pods end as soon as they are asked to. */
export function workload({ kind = 'Deployment', name, image, replicas = 1 }: WorkloadOptions): object {
  const labels = { app: name };
  const spec = { terminationGracePeriodSeconds: 2, containers: [{ name: 'main', image }] };
  return {
    apiVersion: 'apps/v1',
    kind,
    metadata: { name },
    spec: {
      ...(kind === 'Deployment' && { replicas }),
      selector: { matchLabels: labels },
      template: { metadata: { labels }, spec },
    },
  };
}
