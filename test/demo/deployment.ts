import jsonPatch from 'fast-json-patch';
import { Agent, request } from 'undici';
import { isRecord } from '../../src/image/descriptor.ts';

/** The create of a Deployment, as the API server sends it to the webhook and what it stores in the end. */
export interface Created {
  readonly image: string;
  readonly warnings: readonly string[];
}

/** Does what the API server does at `kubectl create deployment NAME --image=IMAGE`. */
export async function createDeployment(
  webhook: string,
  authority: string,
  { name, image }: { name: string; image: string },
): Promise<Created> {
  const object = deployment(name, image);
  const review = await post(webhook, authority, reviewOf(name, object));
  const response = isRecord(review) && isRecord(review['response']) ? review['response'] : {};
  const patch = JSON.parse(Buffer.from(textOf(response['patch']), 'base64').toString('utf8') || '[]');
  const { newDocument } = jsonPatch.applyPatch(object, patch, true, false);
  const warnings = Array.isArray(response['warnings']) ? response['warnings'].map(textOf) : [];
  return {
    image: newDocument.spec.template.spec.containers.map((container) => container.image).join(', '),
    warnings,
  };
}

function deployment(name: string, image: string) {
  const labels = { app: name };
  const template = {
    metadata: { labels },
    spec: { containers: [{ name: 'main', image, imagePullPolicy: 'IfNotPresent' }] },
  };
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name, namespace: 'demo' },
    spec: { replicas: 1, selector: { matchLabels: labels }, template },
  };
}

function reviewOf(name: string, object: unknown): string {
  const about = {
    uid: `demo-${name}`,
    kind: { group: 'apps', version: 'v1', kind: 'Deployment' },
    resource: { group: 'apps', version: 'v1', resource: 'deployments' },
    name,
    namespace: 'demo',
    operation: 'CREATE',
    userInfo: { username: 'demo' },
    object,
    oldObject: null,
    dryRun: false,
  };
  return JSON.stringify({ kind: 'AdmissionReview', apiVersion: 'admission.k8s.io/v1', request: about });
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

async function post(webhook: string, ca: string, body: string): Promise<unknown> {
  const dispatcher = new Agent({ connect: { ca, servername: 'localhost' } });
  const options = {
    method: 'POST',
    body,
    headers: { 'content-type': 'application/json' },
    dispatcher,
  } as const;
  const answer = await request(`${webhook}/clone-image?timeout=15s`, options);
  const review = await answer.body.json();
  await dispatcher.close();
  return review;
}
