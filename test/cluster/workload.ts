export interface WorkloadOptions {
  readonly kind?: 'Deployment' | 'DaemonSet';
  readonly name: string;
  readonly image: string;
  /** Of a Deployment. Default: 1. */
  readonly replicas?: number;
  /** Whether the node asks the registry for an image that it has already. Default: it does not. */
  readonly isAskedFor?: boolean;
}

/** A Deployment or DaemonSet with one container, whose pods end as soon as they are asked to. */
export function workload({
  kind = 'Deployment',
  name,
  image,
  replicas = 1,
  isAskedFor = false,
}: WorkloadOptions): object {
  const labels = { app: name };
  const container = { name: 'main', image, ...(isAskedFor && { imagePullPolicy: 'Always' }) };
  const spec = { terminationGracePeriodSeconds: 2, containers: [container] };
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
