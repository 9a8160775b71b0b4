/** What an API server wants of an object beside its images: the table of decisions shows no more than it needs to. */
interface Metadata {
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly deletionTimestamp?: string;
}

interface Template {
  readonly metadata?: Metadata;
  readonly spec?: object;
}

/** What of an object is looked at; each kind has some of it. */
interface Whole {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata?: Metadata;
  readonly template: Template;
  readonly spec: {
    readonly template: Template;
    readonly jobTemplate: { readonly spec: { readonly template: Template } };
    readonly ephemeralContainers?: unknown;
  };
}

const LABELS = { app: 'x' };

/** The object as it can be stored under that name. What only a subresource takes is left out. */
export function storable(object: Whole, name: string, namespace: string): object {
  const { kind, metadata = {} } = object;
  const { deletionTimestamp: _deletion, ...kept } = metadata;
  const whole = { ...object, metadata: { ...kept, name, namespace } };
  return { ...whole, ...BODIES[`${object.apiVersion} ${kind}`]?.(object) };
}

const BODIES: Readonly<Record<string, (object: Whole) => object>> = {
  'v1 Pod': ({ spec, metadata = {} }) => {
    const { ephemeralContainers: _debugging, ...rest } = spec;
    // What the kubelet shows of a static pod is bound to its node.
    const isMirror = metadata.annotations?.['kubernetes.io/config.mirror'] !== undefined;
    return { spec: isMirror ? { ...rest, nodeName: 'node' } : rest };
  },
  'v1 ReplicationController': ({ spec }) => ({
    spec: { selector: LABELS, template: labelled(spec.template) },
  }),
  'v1 PodTemplate': ({ template }) => ({ template: labelled(template) }),
  'apps/v1 Deployment': selecting,
  'apps/v1 ReplicaSet': selecting,
  'apps/v1 DaemonSet': selecting,
  'apps/v1 StatefulSet': selecting,
  'batch/v1 Job': ({ spec }) => ({ spec: { template: ending(spec.template) } }),
  'batch/v1 CronJob': ({ spec }) => ({
    spec: { ...spec, jobTemplate: { spec: { template: ending(spec.jobTemplate.spec.template) } } },
  }),
};

function selecting({ spec }: Whole): object {
  return { spec: { ...spec, selector: { matchLabels: LABELS }, template: labelled(spec.template) } };
}

function labelled(template: Template): Template {
  const { metadata = {} } = template;
  return { ...template, metadata: { ...metadata, labels: { ...metadata.labels, ...LABELS } } };
}

function ending(template: Template): Template {
  return { ...template, spec: { ...template.spec, restartPolicy: 'Never' } };
}

/** Every image that an object names where this project looks for them, in the order in which they are written. */
export function imagesOf(object: unknown): readonly string[] {
  const { spec, template } = Object(object);
  return [spec, template].flatMap(imagesIn);
}

function imagesIn(value: unknown): readonly string[] {
  if (Array.isArray(value)) return value.flatMap(imagesIn);
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([key, inner]: [string, unknown]) =>
    IMAGE_KEYS.has(key) && typeof inner === 'string' ? [inner] : imagesIn(inner),
  );
}

const IMAGE_KEYS: ReadonlySet<string> = new Set(['image', 'reference', 'imageName']);
