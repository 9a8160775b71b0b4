import { GenError } from './gen-error.ts';

/** The Kubernetes Service behind which the webhook answers. */
export interface Service {
  readonly name: string;
  readonly namespace: string;
}

/** A label of RFC 1123 is a namespace's name, one of RFC 1035 a Service's; both end at 63 characters. */
const NAMESPACE = /^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/;
const NAME = /^[a-z]([-a-z0-9]{0,61}[a-z0-9])?$/;

/** Kubernetes keeps the names that begin with `kube-` for itself. */
const NOT_OURS = /^(default|kube-.*)$/;

/** Takes the two names if Kubernetes would, and if the namespace may be given to image-cloner alone. */
export function parseService(name: string, namespace: string): Service {
  if (!NAME.test(name)) throw badName('name', name, 'the name of a Service');
  if (!NAMESPACE.test(namespace)) throw badName('namespace', namespace, 'the name of a namespace');
  // `make deploy` restricts the pods of the namespace, and `make undeploy` deletes it.
  if (NOT_OURS.test(namespace)) throw badName('namespace', namespace, 'a namespace for image-cloner alone');
  return { name, namespace };
}

/** The headless Service of the node agents; every certificate of theirs has this name. */
export const AGENT_SERVICE = 'image-cloner-agent';

/** Agents may mount a socket of the node, and nothing else of image-cloner may: they get a namespace of their own. */
export function agentNamespace({ namespace }: Service): string {
  return `${namespace}-agents`;
}

/** The DNS names under which a cluster reaches the service; the API server asks for the first one. */
export function serverNames({ name, namespace }: Service): readonly string[] {
  return [`${name}.${namespace}.svc`, `${name}.${namespace}.svc.cluster.local`, name];
}

function badName(option: string, value: string, wanted: string): GenError {
  return new GenError(
    'BAD_ARGUMENT',
    `use --${option} "${value}": want ${wanted} (lower-case letters, digits and "-", at most 63)`,
  );
}
