import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { parse, stringify } from 'yaml';
import { isRecord } from '../../src/image/descriptor.ts';
import { DECISIONS } from '../decisions/decisions.ts';
import { expectedOf, judgementOf } from '../decisions/expectation.ts';
import { BACKUP } from '../decisions/objects.ts';
import type { Row } from '../decisions/row.ts';
import { JUDGEMENT } from '../judgement.ts';
import { Checkout } from './checkout.ts';
import { ControlPlane } from './harness/control-plane.ts';
import { canRun } from './harness/need.ts';
import { JudgingWebhook } from './judging-webhook.ts';
import { imagesOf, storable } from './storable.ts';

const SERVICE = 'image-cloner.image-cloner.svc';
/** The API server takes note of a configuration within a second; two busy cores are slower. */
const NOTED = { timeout: 120_000, interval: 200 };
const NAMESPACES = ['lab', 'shop'];
const CUSTOM: readonly (readonly [group: string, kind: string])[] = [
  ['example.com', 'Rollout'],
  ['example.com', 'Cluster'],
  ['batch.example.com', 'Job'],
];

/** Rows that a real API server cannot be brought to, and why. */
const IMPOSSIBLE: ReadonlyMap<string, string> = new Map([
  ['nobody knows what was there before', 'an API server always sends what was there before'],
  ['an image that is not there yet', 'an API server stores no Pod without an image'],
  ['a finalizer is taken from what goes away', 'when something goes away is for the API server to write'],
  ['a command in a Pod', 'it needs a node'],
  ['the status of a Pod changes', 'is not registered for: the API server does not ask'],
  ['a Deployment is scaled', 'is not registered for: the API server does not ask'],
  ['a deletion', 'is not registered for: the API server does not ask'],
]);

/** One row for each webhook, and for each kind that the API server has to learn first. */
const PROBES: readonly string[] = [
  'a Pod',
  'a CronJob',
  'a PodTemplate',
  'a Deployment',
  'a custom resource with a pod spec',
  'a custom resource without its image',
  'a kind of another project with a name of Kubernetes',
];

const POSSIBLE = DECISIONS.filter(({ trap }) => !IMPOSSIBLE.has(trap)).map((row, index) => ({
  ...row,
  name: `row-${index}`,
}));

type Case = (typeof POSSIBLE)[number];

interface Stored {
  readonly apiVersion: string;
  readonly kind: string;
  readonly spec: { readonly ephemeralContainers?: readonly unknown[] };
}

describe.runIf(canRun('kube-apiserver', 'etcd', 'kubectl', 'mounts'))('on an API server', () => {
  let plane: ControlPlane;
  let checkout: Checkout;
  let webhook: JudgingWebhook;

  beforeAll(async () => {
    checkout = new Checkout();
    await checkout.gen();
    const [cert, key] = await Promise.all(['crt', 'key'].map((end) => checkout.read(`tls/out/tls.${end}`)));
    webhook = await JudgingWebhook.start({ cert: cert ?? '', key: key ?? '' });
    plane = await ControlPlane.start({ hosts: { [SERVICE]: '127.0.0.1' } });
    for (const namespace of NAMESPACES) {
      await kubectl(['create', 'namespace', namespace]);
      await kubectl(['label', 'namespace', namespace, 'image-cloner=enabled']);
    }
    await kubectl(
      ['apply', '-f-'],
      CUSTOM.map(definitionOf)
        .map((one) => stringify(one))
        .join('---\n'),
    );
    await kubectl(['wait', '--for=condition=Established', '--timeout=300s', 'crd', '--all']);
    await register();
  });

  afterAll(async () => {
    await plane.stop();
    await webhook.stop();
    await checkout.remove();
  });

  async function kubectl(args: readonly string[], input?: string): Promise<string> {
    const { code, stdout, stderr } = await plane.kubectl(args, input === undefined ? {} : { input });
    expect({ args, code, stderr: code === 0 ? '' : stderr }).toEqual({ args, code: 0, stderr: '' });
    return stdout;
  }

  /** What `deploy/` ships, and one webhook more for custom resources, as deploy/examples/custom-resources.yaml says. */
  async function register(): Promise<void> {
    const configuration = parse(await checkout.read('deploy/image-cloner-webhook.yaml'));
    const [first] = configuration.webhooks;
    const groups = [...new Set(CUSTOM.map(([group]) => group))];
    const rule = {
      apiVersions: ['*'],
      resources: ['*'],
      operations: ['CREATE', 'UPDATE'],
      scope: 'Namespaced',
    };
    const custom = {
      ...structuredClone(first),
      name: 'clone-custom.image-cloner.dev',
      rules: [{ ...rule, apiGroups: groups }],
      matchConditions: [],
    };
    configuration.webhooks.push(custom);
    for (const { clientConfig } of configuration.webhooks) {
      delete clientConfig.service;
      clientConfig.url = `https://${SERVICE}:${webhook.port}/clone-image`;
    }
    await kubectl(['apply', '-f-'], stringify(configuration));
    const { events } = webhook.judgeBy(JUDGEMENT);
    const probes = POSSIBLE.filter(({ trap }) => PROBES.includes(trap));
    await vi.waitUntil(async () => {
      const before = events.length;
      for (const row of probes) await create(row, row.object, ['--dry-run=server']);
      return events.slice(before).filter(({ type }) => type === 'received').length === probes.length;
    }, NOTED);
  }

  function create({ name, namespace = 'lab' }: Case, object: unknown, options: readonly string[] = []) {
    const input = JSON.stringify(storable(Object(object), name, namespace));
    return plane.kubectl(['create', ...options, '-f-'], { input });
  }

  async function stored({ name, namespace = 'lab', object }: Case): Promise<Stored> {
    const resource = resourceOf(Object(object));
    return JSON.parse(await kubectl(['get', '--namespace', namespace, resource, name, '--output=json']));
  }

  /** Brings an object that is there to what the row wants of it. */
  async function update(row: Case) {
    const { namespace = 'lab', name, subResource } = row;
    const before = await stored(row);
    if (subResource !== undefined) return debug(row, before);
    const { metadata, spec } = Object(storable(Object(row.object), name, namespace));
    // What the API server filled in stays, as with `kubectl apply`; lists are taken as they are.
    const change = ['--type=merge', '--patch', JSON.stringify({ metadata, spec })];
    return plane.kubectl(['patch', '--namespace', namespace, resourceOf(before), name, ...change]);
  }

  function debug({ namespace = 'lab', name, object }: Case, before: Stored) {
    const { ephemeralContainers = [] } = Object(object).spec;
    const stays = before.spec.ephemeralContainers ?? [];
    const added = ephemeralContainers.slice(stays.length);
    const spec = { ...before.spec, ephemeralContainers: [...stays, ...added] };
    const path = `/api/v1/namespaces/${namespace}/pods/${name}/ephemeralcontainers`;
    return plane.kubectl(['replace', '--raw', path, '-f-'], { input: JSON.stringify({ ...before, spec }) });
  }

  /** What was there before image-cloner came. */
  async function prepare(row: Case): Promise<void> {
    webhook.standAside();
    const { code, stderr } = await create(row, row.oldObject);
    expect({ code, stderr }).toEqual({ code: 0, stderr: expect.any(String) });
    const { ephemeralContainers = [] } = Object(row.oldObject).spec ?? {};
    if (ephemeralContainers.length === 0) return;
    const debugged = await debug({ ...row, object: row.oldObject }, await stored(row));
    expect(debugged.code).toBe(0);
  }

  it.each(POSSIBLE)('$trap: $expected', async (row) => {
    if (row.operation === 'UPDATE') await prepare(row);
    const { events } = webhook.judgeBy(judgementOf(row));
    const { code, stderr } = await (row.operation === 'UPDATE' ? update(row) : create(row, row.object));
    const denied = expectedOf(row, 'deny');
    expect({ denied: stderr.includes('denied the request'), bad: events.filter(isBad) }).toEqual({
      denied: denied.length > 0,
      bad: [],
    });
    const isRefused = denied.length > 0 || row.trap.endsWith('which the API server refuses');
    expect({ code, stderr }).toEqual({ code: isRefused ? 1 : 0, stderr: expect.any(String) });
    if (denied.length > 0) return;
    const wanted = isRefused ? row.oldObject : row.object;
    expect(imagesOf(await stored(row)).toSorted()).toEqual(imagesAfter(row, wanted).toSorted());
  });

  it('cannot be tried: rows that are named are rows of the table', () => {
    const traps = new Set(DECISIONS.map(({ trap }) => trap));
    expect([...IMPOSSIBLE.keys()].filter((trap) => !traps.has(trap))).toEqual([]);
  });
});

/** `Deployment.v1.apps`: two groups may have a kind of one name. */
function resourceOf({ apiVersion, kind }: Pick<Stored, 'apiVersion' | 'kind'>): string {
  return apiVersion === 'v1' ? kind : [kind, ...apiVersion.split('/').toReversed()].join('.');
}

/** Images as they are to be stored: the copies where the table says so. */
function imagesAfter(row: Row, wanted: unknown): readonly string[] {
  const rewritten = expectedOf(row, 'copy', 'rewrite');
  return imagesOf(wanted).map((image) => {
    if (!rewritten.includes(image)) return image;
    return image.includes('/') ? `registry.example.com/backup/${image}` : `${BACKUP}/${image}`;
  });
}

function isBad(event: object): boolean {
  return isRecord(event) && ['unsafe-patch', 'crashed', 'malformed'].includes(String(event['type']));
}

function definitionOf([group, kind]: readonly [string, string]): unknown {
  const [singular, plural] = [kind.toLowerCase(), `${kind.toLowerCase()}s`];
  const schema = { openAPIV3Schema: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true } };
  return {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: `${plural}.${group}` },
    spec: {
      group,
      scope: 'Namespaced',
      names: { kind, singular, plural },
      versions: [{ name: 'v1', served: true, storage: true, schema }],
    },
  };
}
