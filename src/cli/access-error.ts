import type { Fault } from '../kube/pull-secret-reader.ts';

/** Why a tenant has no credential for a source. */
export class AccessError extends Error {
  override readonly name = 'AccessError';
  /** `NO_CREDENTIALS` nobody gave any · `FORBIDDEN` we may not read them · `UNAVAILABLE` they cannot be read now */
  readonly code: 'NO_CREDENTIALS' | 'FORBIDDEN' | 'UNAVAILABLE';
  /** For the people of the namespace; short enough for a warning. */
  readonly advice: string | undefined;

  private constructor(message: string, code: AccessError['code'], advice?: string, cause?: unknown) {
    super(message, { cause });
    this.code = code;
    this.advice = advice;
  }

  static none(host: string, { namespace, serviceAccount }: Asked): AccessError {
    const account = serviceAccount === undefined ? '' : ` or its service account "${serviceAccount}"`;
    return new AccessError(
      `Cannot read a source of ${host} for namespace "${namespace}": no pull secret of the pod${account} is for it`,
      'NO_CREDENTIALS',
      `no pull secret of the pod${account} is for ${host}`,
    );
  }

  static unreadable(fault: Fault, account: string): AccessError {
    const { resource, namespace, name, error } = fault;
    if (error.code !== 'FORBIDDEN') return new AccessError(error.message, 'UNAVAILABLE', undefined, error);
    const kind = resource === 'secrets' ? 'secret' : 'service account';
    return new AccessError(
      `Cannot read ${kind} ${namespace}/${name}: grant it with ${grantOf(fault, account)}`,
      'FORBIDDEN',
      `image-cloner may not get ${kind} "${name}", see docs/tenants.md`,
    );
  }
}

interface Asked {
  readonly namespace: string;
  readonly serviceAccount?: string | undefined;
}

/** What an operator can type as it is. @param account `namespace:name` of the service account that we run as */
function grantOf({ resource, namespace, name }: Fault, account: string): string {
  const role = `image-cloner-${resource}-${name}`;
  return [
    `kubectl create role ${role} --namespace=${namespace} --verb=get --resource=${resource} --resource-name=${name}`,
    `kubectl create rolebinding ${role} --namespace=${namespace} --role=${role} --serviceaccount=${account}`,
  ].join(' && ');
}
