import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { parse, stringify } from 'yaml';
import { Checkout } from './checkout.ts';
import { ControlPlane } from './harness/control-plane.ts';
import { canRun } from './harness/need.ts';
import { type Identity, RecordingWebhook } from './recording-webhook.ts';

const SERVICE = 'image-cloner.tools.svc';

/** The API server takes note of a new configuration within a second; two busy cores are slower. */
const NOTED = { timeout: 120_000, interval: 200 };

function template(image = 'busybox:1') {
  return { metadata: { labels: { app: 'x' } }, spec: { containers: [{ name: 'main', image }] } };
}

/** The manifest of an object of the group apps with one container. */
function workload(kind: string, name: string, metadata: Record<string, unknown> = {}): string {
  return stringify({
    apiVersion: 'apps/v1',
    kind,
    metadata: { name, ...metadata },
    spec: { selector: { matchLabels: { app: 'x' } }, template: template() },
  });
}

/** An object of every other kind with a pod spec, by the name of its resource. */
const OTHERS: Readonly<Record<string, Record<string, unknown>>> = {
  job: { apiVersion: 'batch/v1', kind: 'Job', spec: { template: job() } },
  cronjob: {
    apiVersion: 'batch/v1',
    kind: 'CronJob',
    spec: { schedule: '0 0 * * *', jobTemplate: { spec: { template: job() } } },
  },
  replicationcontroller: {
    apiVersion: 'v1',
    kind: 'ReplicationController',
    spec: { selector: { app: 'x' }, template: template() },
  },
  podtemplate: { apiVersion: 'v1', kind: 'PodTemplate', template: template() },
  pod: { apiVersion: 'v1', kind: 'Pod', spec: template().spec },
};

function job(): Record<string, unknown> {
  const { metadata, spec } = template();
  return { metadata, spec: { ...spec, restartPolicy: 'Never' } };
}

function other(resource: string, name: string, metadata: Record<string, unknown> = {}): string {
  return stringify({ ...OTHERS[resource], metadata: { name, ...metadata } });
}

describe.runIf(canRun('kube-apiserver', 'etcd', 'kubectl', 'mounts'))('the webhook configuration', () => {
  let plane: ControlPlane;
  let checkout: Checkout;
  let webhook: RecordingWebhook;

  beforeAll(async () => {
    checkout = new Checkout();
    await checkout.gen('--namespace', 'tools');
    webhook = await RecordingWebhook.start(await identity());
    plane = await ControlPlane.start({ hosts: { [SERVICE]: '127.0.0.1' } });
    for (const namespace of ['shop', 'tools', 'unlabelled'])
      await kubectl('', 'create', 'namespace', namespace);
    for (const namespace of ['shop', 'tools', 'kube-system', 'default']) {
      await kubectl('', 'label', 'namespace', namespace, 'image-cloner=enabled');
    }
    await register();
    await vi.waitUntil(async () => {
      await kubectl(workload('Deployment', 'probe'), 'create', '--namespace=shop', '--dry-run=server', '-f-');
      return webhook.calls.length > 0;
    }, NOTED);
  });

  afterAll(async () => {
    await plane.stop();
    await webhook.stop();
    await checkout.remove();
  });

  beforeEach(() => {
    webhook.calls.length = 0;
  });

  async function identity(): Promise<Identity> {
    return { cert: await checkout.read('tls/out/tls.crt'), key: await checkout.read('tls/out/tls.key') };
  }

  /** Applies what gen wrote, with the address of the recording webhook in place of the Service, which nobody routes to. */
  async function register(): Promise<void> {
    const configuration = parse(await checkout.read('deploy/image-cloner-webhook.yaml'));
    const { clientConfig } = configuration.webhooks[0];
    expect(clientConfig.service).toMatchObject({ name: 'image-cloner', namespace: 'tools' });
    const { service: _service, ...trusting } = clientConfig;
    for (const one of configuration.webhooks)
      one.clientConfig = { ...trusting, url: `https://${SERVICE}:${webhook.port}/clone-image` };
    await kubectl(stringify(configuration), 'apply', '-f-');
  }

  async function kubectl(input: string, ...args: readonly string[]): Promise<void> {
    expect(await plane.kubectl(args, { input })).toMatchObject({ code: 0, stderr: '' });
  }

  describe('asks about', () => {
    it.each(['Deployment', 'DaemonSet', 'StatefulSet', 'ReplicaSet'])(
      'a %s that is created',
      async (kind) => {
        await kubectl(workload(kind, 'created'), 'create', '--namespace=shop', '-f-');
        expect(webhook.calls).toEqual([`CREATE ${kind} shop/created`]);
      },
    );

    it.each(Object.keys(OTHERS))('a %s that is created', async (resource) => {
      await kubectl(other(resource, 'created'), 'create', '--namespace=shop', '-f-');
      expect(webhook.calls).toEqual([`CREATE ${String(OTHERS[resource]?.['kind'])} shop/created`]);
    });

    it.each([
      ['cronjob', '/spec/jobTemplate/spec/template/spec/containers/0/image'],
      ['replicationcontroller', '/spec/template/spec/containers/0/image'],
      ['podtemplate', '/template/spec/containers/0/image'],
      ['pod', '/spec/containers/0/image'],
    ])('a %s that gets another image', async (resource, path) => {
      const kind = String(OTHERS[resource]?.['kind']);
      await kubectl(other(resource, 'renewed'), 'create', '--namespace=shop', '-f-');
      const patch = JSON.stringify([{ op: 'replace', path, value: 'busybox:2' }]);
      await kubectl('', 'patch', '--namespace=shop', resource, 'renewed', '--type=json', `--patch=${patch}`);
      expect(webhook.calls).toEqual([`CREATE ${kind} shop/renewed`, `UPDATE ${kind} shop/renewed`]);
    });

    it('every container that is added to debug a pod', async () => {
      await kubectl(other('pod', 'debugged'), 'create', '--namespace=shop', '-f-');
      webhook.calls.length = 0;
      for (const containers of [['d1'], ['d1', 'd2']]) {
        const ephemeralContainers = containers.map((name) => ({ name, image: 'busybox:1' }));
        const patch = JSON.stringify({ spec: { ephemeralContainers } });
        const there = ['--namespace=shop', 'pod/debugged', '--subresource=ephemeralcontainers'];
        await kubectl('', 'patch', ...there, `--patch=${patch}`);
      }
      expect(webhook.calls).toEqual(['UPDATE Pod shop/debugged', 'UPDATE Pod shop/debugged']);
    });

    it.each([
      ['ReplicaSet', 'apps/v1', 'StatefulSet'],
      ['ReplicaSet', 'apps.example.com/v1', 'Deployment'],
    ])('a %s that a %s %s made, whose template nobody has seen', async (kind, apiVersion, owner) => {
      const name = apiVersion.includes('example') ? 'by-operator' : 'by-other';
      const ownerReferences = [{ apiVersion, kind: owner, name: 'o', uid: 'u', controller: true }];
      await kubectl(workload(kind, name, { ownerReferences }), 'create', '--namespace=shop', '-f-');
      expect(webhook.calls).toEqual([`CREATE ${kind} shop/${name}`]);
    });

    it('a Pod that a controller made', async () => {
      const ownerReferences = [
        { apiVersion: 'apps/v1', kind: 'ReplicaSet', name: 'o', uid: 'u', controller: true },
      ];
      await kubectl(other('pod', 'made', { ownerReferences }), 'create', '--namespace=shop', '-f-');
      expect(webhook.calls).toEqual(['CREATE Pod shop/made']);
    });

    it('a dry run, and says that it is one', async () => {
      await kubectl(workload('Deployment', 'dry'), 'create', '--namespace=shop', '--dry-run=server', '-f-');
      expect(webhook.calls).toEqual(['CREATE Deployment shop/dry dry run']);
    });

    it('a Deployment that is applied on the server side', async () => {
      await kubectl(workload('Deployment', 'ssa'), 'apply', '--server-side', '--namespace=shop', '-f-');
      expect(webhook.calls).toEqual(['CREATE Deployment shop/ssa']);
    });

    it.each([
      ['image', '{"spec":{"template":{"spec":{"containers":[{"name":"main","image":"busybox:2"}]}}}}'],
      ['container', '{"spec":{"template":{"spec":{"containers":[{"name":"side","image":"busybox:1"}]}}}}'],
      [
        'init container',
        '{"spec":{"template":{"spec":{"initContainers":[{"name":"init","image":"busybox:1"}]}}}}',
      ],
      [
        'variable',
        '{"spec":{"template":{"spec":{"containers":[{"name":"main","env":[{"name":"A","value":"b"}]}]}}}}',
      ],
    ])('a Deployment that gets a new %s', async (what, patch) => {
      const name = `updated-${what.replace(' ', '-')}`;
      await kubectl(workload('Deployment', name), 'create', '--namespace=shop', '-f-');
      await kubectl('', 'patch', '--namespace=shop', 'deployment', name, `--patch=${patch}`);
      expect(webhook.calls).toEqual([`CREATE Deployment shop/${name}`, `UPDATE Deployment shop/${name}`]);
    });

    it('a workload that gets the label to be left alone: the old object had not got it', async () => {
      await kubectl(workload('Deployment', 'leaves'), 'create', '--namespace=shop', '-f-');
      const patch = {
        metadata: { labels: { 'image-cloner': 'disabled' } },
        spec: { template: template('busybox:2') },
      };
      await kubectl(
        '',
        'patch',
        '--namespace=shop',
        'deployment',
        'leaves',
        `--patch=${JSON.stringify(patch)}`,
      );
      expect(webhook.calls).toEqual(['CREATE Deployment shop/leaves', 'UPDATE Deployment shop/leaves']);
    });
  });

  describe('does not ask about', () => {
    it.each(['unlabelled', 'tools', 'kube-system'])('a workload in the namespace %s', async (namespace) => {
      await kubectl(workload('Deployment', 'there'), 'create', `--namespace=${namespace}`, '-f-');
      expect(webhook.calls).toEqual([]);
    });

    it('a workload that is labelled to be left alone', async () => {
      const labelled = workload('Deployment', 'alone', { labels: { 'image-cloner': 'disabled' } });
      await kubectl(labelled, 'create', '--namespace=shop', '-f-');
      await kubectl('', 'set', 'image', '--namespace=shop', 'deployment/alone', 'main=busybox:2');
      expect(webhook.calls).toEqual([]);
    });

    it('updates that change no container', async () => {
      await kubectl(workload('Deployment', 'steady'), 'create', '--namespace=shop', '-f-');
      webhook.calls.length = 0;
      const there = ['--namespace=shop', 'deployment/steady'];
      await kubectl('', 'scale', ...there, '--replicas=3');
      await kubectl('', 'patch', ...there, '--patch={"spec":{"replicas":5,"minReadySeconds":3}}');
      await kubectl('', 'label', ...there, 'a=b');
      await kubectl('', 'annotate', ...there, 'a=b');
      await kubectl('', 'rollout', 'restart', ...there);
      await kubectl('', 'rollout', 'pause', ...there);
      await kubectl(
        '',
        'patch',
        ...there,
        '--subresource=status',
        '--type=merge',
        '--patch={"status":{"replicas":3}}',
      );
      expect(webhook.calls).toEqual([]);
    });

    it('a workload that goes away', async () => {
      const kept = workload('Deployment', 'going', { finalizers: ['example.com/hold'] });
      await kubectl(kept, 'create', '--namespace=shop', '-f-');
      webhook.calls.length = 0;
      const there = ['--namespace=shop', 'deployment/going'];
      await kubectl('', 'delete', '--wait=false', ...there);
      await kubectl('', 'set', 'image', ...there, 'main=busybox:2');
      await kubectl('', 'patch', ...there, '--type=merge', '--patch={"metadata":{"finalizers":null}}');
      expect(webhook.calls).toEqual([]);
    });

    it('what a controller makes from a template that was seen', async () => {
      const [deployment, cronjob] = ['apps/v1 Deployment', 'batch/v1 CronJob'].map((maker) => {
        const [apiVersion, kind] = maker.split(' ');
        return [{ apiVersion, kind, name: 'o', uid: 'u', controller: true }];
      });
      const replicaSet = workload('ReplicaSet', 'made', { ownerReferences: deployment });
      await kubectl(replicaSet, 'create', '--namespace=shop', '-f-');
      await kubectl(other('job', 'made', { ownerReferences: cronjob }), 'create', '--namespace=shop', '-f-');
      expect(webhook.calls).toEqual([]);
    });

    it('a mirror pod', async () => {
      const annotations = { 'kubernetes.io/config.mirror': 'x' };
      const spec = { ...template().spec, nodeName: 'node' };
      const pod = stringify({ ...OTHERS['pod'], metadata: { name: 'mirror', annotations }, spec });
      await kubectl(pod, 'create', '--namespace=shop', '-f-');
      expect(webhook.calls).toEqual([]);
    });

    it.each(Object.keys(OTHERS))('a %s that gets a label', async (resource) => {
      await kubectl(other(resource, 'labelled'), 'create', '--namespace=shop', '-f-');
      webhook.calls.length = 0;
      await kubectl('', 'label', '--namespace=shop', resource, 'labelled', 'a=b');
      expect(webhook.calls).toEqual([]);
    });

    it('a ReplicationController without a template, and still can tell', async () => {
      const spec = { selector: { app: 'x' } };
      const bare = stringify({
        apiVersion: 'v1',
        kind: 'ReplicationController',
        metadata: { name: 'bare' },
        spec,
      });
      const { code } = await plane.kubectl(['create', '--namespace=shop', '-f-'], { input: bare });
      expect(code).toBe(1);
      expect(webhook.calls).toEqual([]);
    });

    it('kinds without pods', async () => {
      await kubectl('', 'create', '--namespace=shop', 'configmap', 'other', '--from-literal=image=busybox:1');
      expect(webhook.calls).toEqual([]);
    });
  });

  it('has conditions that the API server is always able to evaluate', async () => {
    const { stdout } = await plane.kubectl(['get', '--raw', '/metrics']);
    expect(stdout).toContain('apiserver_admission_match_condition_exclusions_total');
    expect(stdout).not.toMatch(/^apiserver_admission_match_condition_evaluation_errors_total/m);
  });

  it('is asked through every step of a change of the authority', async () => {
    async function isAsked(name: string): Promise<void> {
      await kubectl(workload('Deployment', name), 'create', '--namespace=shop', '-f-');
      expect(webhook.calls.splice(0)).toEqual([`CREATE Deployment shop/${name}`]);
    }
    const old = await checkout.read('tls/out/ca.crt');
    await checkout.gen('--namespace', 'tools', '--new-authority');
    expect(await checkout.read('tls/out/ca.crt')).toContain(old);
    await register();
    await isAsked('old-certificate');
    webhook.serve(await identity());
    // Until the API server has noted the new configuration it takes the webhook for a stranger, and admits as it is.
    let attempt = 0;
    await vi.waitFor(() => isAsked(`new-certificate-${(attempt += 1)}`), NOTED);
    await checkout.gen('--namespace', 'tools', '--drop-old');
    webhook.serve(await identity());
    await register();
    await isAsked('old-dropped');
  });

  it('lets workloads in as they are when nobody answers', async () => {
    await webhook.stop();
    await kubectl(workload('Deployment', 'unasked'), 'create', '--namespace=shop', '-f-');
    expect(webhook.calls).toEqual([]);
  });
});
