/** Kubernetes objects for tests: the smallest that show where images live. */
type Json = Record<string, unknown>;

const METADATA = { name: 'w', namespace: 'lab' };

export function pod(spec: unknown, metadata: Json = {}): Json {
  return { apiVersion: 'v1', kind: 'Pod', metadata: { ...METADATA, ...metadata }, spec };
}

export function deployment(spec: unknown, metadata: Json = {}): Json {
  return templated('apps/v1', 'Deployment', spec, metadata);
}

/** A kind whose pod spec is at `spec.template.spec`. */
export function templated(apiVersion: string, kind: string, spec: unknown, metadata: Json = {}): Json {
  return { apiVersion, kind, metadata: { ...METADATA, ...metadata }, spec: { template: { spec } } };
}

export function cronJob(spec: unknown): Json {
  const jobTemplate = { spec: { template: { spec } } };
  return {
    apiVersion: 'batch/v1',
    kind: 'CronJob',
    metadata: METADATA,
    spec: { schedule: '* * * * *', jobTemplate },
  };
}

/** A pod spec with one container for each image, called `c0`, `c1` … */
export function containers(...images: readonly string[]): Json {
  return { containers: images.map((image, index) => ({ name: `c${index}`, image })) };
}
