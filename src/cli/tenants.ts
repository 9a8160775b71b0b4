import { createHmac, randomBytes } from 'node:crypto';
import type { Asker, TenantOf } from '../admission/cloning.ts';
import type { Settings } from '../config/configuration.ts';
import type { Source } from '../copy/target.ts';
import type { TenantSource } from '../copy/tenant.ts';
import type { Credential } from '../credentials/credential.ts';
import type { ObserveCredentials } from '../credentials/event.ts';
import { pullSecretCredentials } from '../credentials/pull-secrets.ts';
import type { Reference } from '../image/reference.ts';
import type { PullSecretReader } from '../kube/pull-secret-reader.ts';
import type { Identity } from '../registry/authorizer.ts';
import { AccessError } from './access-error.ts';

export interface TenantsParts {
  readonly access: Settings['access'];
  readonly reader: Pick<PullSecretReader, 'read'>;
  /** Reads a source as somebody. */
  readonly sourceAs: (source: Reference, identity: Identity) => Source;
  readonly observe: ObserveCredentials;
}

/** The service account that `deploy/` gives us, as `kubectl create rolebinding` wants it. */
const OUR_ACCOUNT = 'image-cloner:image-cloner';

/** Makes of a workload's namespace and pull secrets somebody who may read what they open. */
export function tenants({ access, reader, sourceAs, observe }: TenantsParts): TenantOf {
  const identify = identifier();
  return (asker, source) => ({
    name: asker.namespace,
    key: keyOf(asker),
    sources: async () => {
      const credentials = await credentialsFor(asker, source, { reader, observe });
      return credentials.map((credential): TenantSource => {
        // Of equal credentials of two namespaces nobody shall learn that they are.
        const identity = identify([access.shared ? '' : asker.namespace, credential]);
        return { identity, source: sourceAs(source, { name: identity, credentials: [credential] }) };
      });
    },
  });
}

function keyOf({ namespace, pullSecrets: { names, serviceAccount = '' } }: Asker): string {
  return [namespace, serviceAccount, ...names].join(' ');
}

async function credentialsFor(
  { namespace, pullSecrets }: Asker,
  source: Reference,
  { reader, observe }: Pick<TenantsParts, 'reader' | 'observe'>,
): Promise<readonly Credential[]> {
  const { secrets, faults } = await reader.read(namespace, pullSecrets);
  const texts = secrets.map((secret) => ({ ...secret, place: `secret ${secret.namespace}/${secret.name}` }));
  const credentials = pullSecretCredentials(texts, source, observe);
  if (credentials.length > 0) return credentials;
  const [fault] = faults;
  if (fault !== undefined) throw AccessError.unreadable(fault, OUR_ACCOUNT);
  throw AccessError.none(source.host, { namespace, serviceAccount: pullSecrets.serviceAccount });
}

/** A name that tells equal from other, and nothing else: its key is of this process alone. */
function identifier(): (value: unknown) => string {
  const key = randomBytes(32);
  return (value) => createHmac('sha256', key).update(JSON.stringify(value)).digest('base64');
}
