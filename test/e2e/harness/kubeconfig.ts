export interface Access {
  readonly url: string;
  readonly token: string;
  /** Path of the certificates (PEM) that the server's may be signed by. */
  readonly certificateAuthority: string;
}

/** The text of a kubeconfig file with one cluster and one user (Kubernetes type `v1.Config`; JSON is YAML). */
export function kubeconfigOf({ url, token, certificateAuthority }: Access): string {
  return JSON.stringify({
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name: NAME, cluster: { server: url, 'certificate-authority': certificateAuthority } }],
    users: [{ name: NAME, user: { token } }],
    contexts: [{ name: NAME, context: { cluster: NAME, user: NAME } }],
    'current-context': NAME,
  });
}

const NAME = 'image-cloner-e2e';
