import { type Document, parseDocument, stringify } from 'yaml';
import type { CertificatePair } from './certificate.ts';
import type { Service } from './service.ts';

/** A Secret that is mounted by a manifest of `deploy/`. */
export interface SecretFacts {
  readonly name: string;
  readonly namespace: string;
  readonly component: 'webhook' | 'agent';
}

const WRITTEN = ' Written by `make gen`.';

/**
 * The manifest of a Secret of the type kubernetes.io/tls.
 * @param authorities what its owner is to believe the other side by
 */
export function secretManifest(
  { name, namespace, component }: SecretFacts,
  { certificate, key }: CertificatePair,
  authorities: readonly string[] = [],
): string {
  const secret = {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: {
      name,
      namespace,
      labels: {
        'app.kubernetes.io/name': 'image-cloner',
        'app.kubernetes.io/component': component,
        'app.kubernetes.io/part-of': 'image-cloner',
      },
    },
    type: 'kubernetes.io/tls',
    data: {
      'tls.crt': base64(certificate),
      'tls.key': base64(key),
      ...(authorities.length > 0 && { 'ca.crt': base64(authorities.join('')) }),
    },
  };
  return `#${WRITTEN} It holds a private key: keep it out of the repository.\n${stringify(secret, { lineWidth: 0 })}`;
}

/** The webhook configuration of `template`, which calls the service and trusts these authorities. */
export function webhookManifest(template: string, service: Service, trusted: readonly string[]): string {
  const document = parseDocument(template);
  document.commentBefore = `${WRITTEN} Change image-cloner-webhook.yaml.template instead.`;
  set(document, ['clientConfig', 'caBundle'], base64(trusted.join('')));
  set(document, ['clientConfig', 'service', 'name'], service.name);
  set(document, ['clientConfig', 'service', 'namespace'], service.namespace);
  // The first of the namespaces that are never asked about is our own.
  set(document, ['namespaceSelector', 'matchExpressions', 0, 'values', 0], service.namespace);
  return document.toString({ lineWidth: 0, flowCollectionPadding: false });
}

function set(document: Document, path: readonly (string | number)[], value: string): void {
  document.setIn(['webhooks', 0, ...path], value);
}

function base64(text: string): string {
  return Buffer.from(text).toString('base64');
}
