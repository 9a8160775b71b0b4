import type { TenantOf } from '../admission/cloning.ts';
import { type TenantsParts, tenants } from './tenants.ts';

/**
 * Who may read private sources, where the settings let anybody. The client of the API server takes half a second and
 * 90 MB to load: only who needs it pays for it.
 * @throws KubeError when nothing says where the API server is
 */
export async function openTenants(parts: Omit<TenantsParts, 'reader'>): Promise<TenantOf | undefined> {
  const { pullSecrets, kubeconfig } = parts.access;
  if (!pullSecrets) return undefined;
  const [{ ApiServer }, { PullSecretReader }] = await Promise.all([
    import('../kube/api-server.ts'),
    import('../kube/pull-secret-reader.ts'),
  ]);
  return tenants({ ...parts, reader: new PullSecretReader(new ApiServer({ kubeconfig })) });
}
