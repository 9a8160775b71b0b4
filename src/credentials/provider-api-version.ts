/** The versions of the kubelet's exec protocol for credentials. What is used of it is the same in all of them. */
const PROVIDER_API_VERSIONS = [
  'credentialprovider.kubelet.k8s.io/v1',
  'credentialprovider.kubelet.k8s.io/v1beta1',
  'credentialprovider.kubelet.k8s.io/v1alpha1',
] as const;

export type ProviderApiVersion = (typeof PROVIDER_API_VERSIONS)[number];

/** The one to be recommended. */
export const PROVIDER_API_VERSION: ProviderApiVersion = PROVIDER_API_VERSIONS[0];

/** @returns undefined for anything else */
export function readApiVersion(value: unknown): ProviderApiVersion | undefined {
  return PROVIDER_API_VERSIONS.find((version) => version === value);
}
