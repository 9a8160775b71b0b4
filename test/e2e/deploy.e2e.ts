import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { Checkout } from './checkout.ts';
import type { CommandResult } from './harness/command.ts';
import { ControlPlane } from './harness/control-plane.ts';
import { canRun } from './harness/need.ts';
import { programOf } from './harness/part.ts';

const IMAGE = 'registry.example.com:5000/ops/image-cloner:1.2.3';

/** A command that waits for something has it done by then. */
const SOON = { timeout: 120_000, interval: 100 };

const KINDS = 'serviceaccounts,secrets,services,deployments,poddisruptionbudgets,networkpolicies';

const WEBHOOKS = ['image', 'cronjob', 'podtemplate', 'pod'].map((what) => `clone-${what}.image-cloner.dev`);

const RESTRICTED_PODS = 'pod-security.kubernetes.io/enforce=restricted';

describe.runIf(canRun('kube-apiserver', 'etcd', 'kubectl', 'mounts'))('deploy/ on an API server', () => {
  let plane: ControlPlane;
  let checkout: Checkout;

  beforeAll(async () => {
    checkout = new Checkout();
    plane = await ControlPlane.start();
  });

  afterAll(async () => {
    await plane.stop();
    await checkout.remove();
  });

  function make(target: string, namespace: string, timeout = '300s'): Promise<CommandResult> {
    const client = `${programOf('kubectl')} --kubeconfig ${plane.kubeconfig}`;
    return checkout.make(target, { KUBECTL: client, NAMESPACE: namespace, IMAGE, TIMEOUT: timeout });
  }

  async function kubectl(...args: readonly string[]): Promise<string> {
    const { code, stdout, stderr } = await plane.kubectl(args);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    return stdout;
  }

  /** The kinds and names of what there is of these. */
  async function names(...args: readonly string[]): Promise<string[]> {
    return (await kubectl('get', ...args, '--output', 'name')).split('\n').filter((line) => line !== '');
  }

  function webhooks(): Promise<string[]> {
    return names('mutatingwebhookconfigurations');
  }

  /** Writes what the deployment controller would when two pods are ready. */
  async function becomeReady(namespace: string): Promise<void> {
    const pods = { replicas: 2, updatedReplicas: 2, readyReplicas: 2, availableReplicas: 2 };
    const status = JSON.stringify({ status: { observedGeneration: 1, ...pods } });
    const deployment = ['--namespace', namespace, 'deployment', 'image-cloner'];
    await kubectl('patch', ...deployment, '--subresource', 'status', '--type', 'merge', '--patch', status);
  }

  /** Does what the namespace controller would when all in the namespace is gone. */
  async function finishDeletion(namespace: string): Promise<void> {
    const body = {
      apiVersion: 'v1',
      kind: 'Namespace',
      metadata: { name: namespace },
      spec: { finalizers: [] },
    };
    const path = `/api/v1/namespaces/${namespace}/finalize`;
    const { code } = await plane.kubectl(['replace', '--raw', path, '--filename', '-'], {
      input: JSON.stringify(body),
    });
    expect(code).toBe(0);
  }

  /** Writes what the daemon set controller would once the agent of each node is ready. */
  async function agentsBecomeReady(namespace: string): Promise<void> {
    const pods = {
      currentNumberScheduled: 1,
      desiredNumberScheduled: 1,
      numberMisscheduled: 0,
      numberReady: 1,
    };
    const status = { observedGeneration: 1, ...pods, updatedNumberScheduled: 1, numberAvailable: 1 };
    const daemonset = ['--namespace', namespace, 'daemonset', 'image-cloner-agent'];
    const patch = ['--type', 'merge', '--patch', JSON.stringify({ status })];
    await kubectl('patch', ...daemonset, '--subresource', 'status', ...patch);
  }

  it('make deploy asks for a certificate of the namespace before it touches the cluster', async () => {
    await checkout.gen('--namespace', 'other');
    const { code, stderr } = await make('deploy', 'tools');
    expect(code).not.toBe(0);
    expect(stderr).toContain('make gen NAMESPACE=tools');
    expect(await names('namespaces')).not.toContain('namespace/tools');
  });

  it('make deploy does not register a webhook whose pods never get ready', async () => {
    await checkout.gen('--namespace', 'unready');
    const { code, stderr } = await make('deploy', 'unready', '1s');
    expect(code).not.toBe(0);
    expect(stderr).toContain('timed out');
    expect(await names('deployments', '--namespace', 'unready')).toEqual(['deployment.apps/image-cloner']);
    expect(await webhooks()).toEqual([]);
  });

  it('make deploy creates everything without a warning, and registers the webhook once the pods are ready', async () => {
    await checkout.gen('--namespace', 'tools');
    const deploying = make('deploy', 'tools');
    await vi.waitFor(async () => {
      expect(await names('deployments', '--namespace', 'tools')).toHaveLength(1);
    }, SOON);
    expect(await webhooks()).toEqual([]);
    await becomeReady('tools');
    expect(await deploying).toMatchObject({ code: 0, stderr: '' });
    expect(await webhooks()).toEqual([
      'mutatingwebhookconfiguration.admissionregistration.k8s.io/image-cloner',
    ]);
    expect(await names(KINDS, '--namespace', 'tools')).toEqual([
      'serviceaccount/image-cloner',
      'secret/image-cloner-tls',
      'service/image-cloner',
      'deployment.apps/image-cloner',
      'poddisruptionbudget.policy/image-cloner',
      'networkpolicy.networking.k8s.io/image-cloner',
    ]);
  });

  it('make deploy puts in the image, and the authority that signed the served certificate', async () => {
    const image = '--output=jsonpath={.spec.template.spec.containers[*].image}';
    expect(await kubectl('get', '--namespace', 'tools', 'deployment', 'image-cloner', image)).toBe(IMAGE);
    const bundle = '--output=jsonpath={.webhooks[*].clientConfig.caBundle}';
    const bundles = (await kubectl('get', 'mutatingwebhookconfiguration', 'image-cloner', bundle)).split(' ');
    const authority = await checkout.read('tls/out/ca.crt');
    expect(bundles.map((one) => Buffer.from(one, 'base64').toString())).toEqual(
      WEBHOOKS.map(() => authority),
    );
    const listed = '--output=jsonpath={.webhooks[*].name}';
    expect(await kubectl('get', 'mutatingwebhookconfiguration', 'image-cloner', listed)).toBe(
      WEBHOOKS.join(' '),
    );
    const served = '--output=jsonpath={.data.tls\\.crt}';
    const certificate = await kubectl('get', '--namespace', 'tools', 'secret', 'image-cloner-tls', served);
    expect(Buffer.from(certificate, 'base64').toString()).toBe(await checkout.read('tls/out/tls.crt'));
  });

  it('make deploy once more changes nothing', async () => {
    const versions = '--output=jsonpath={range .items[*]}{.kind} {.metadata.resourceVersion}{"\\n"}{end}';
    const before = await kubectl('get', '--namespace', 'tools', KINDS, versions);
    expect((await make('deploy', 'tools')).code).toBe(0);
    expect(await kubectl('get', '--namespace', 'tools', KINDS, versions)).toBe(before);
    expect(before.split('\n')).toHaveLength(7);
  });

  it('the namespace takes the pods of the deployment, and no pod that wants more', async () => {
    expect(await names('namespaces', '--selector', RESTRICTED_PODS)).toContain('namespace/tools');
    const template = '--output=jsonpath={.spec.template.spec}';
    const spec = await kubectl('get', '--namespace', 'tools', 'deployment', 'image-cloner', template);
    const pod = { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'trial', namespace: 'tools' } };
    const create = ['create', '--dry-run=server', '--filename', '-'];
    const ours = JSON.stringify({ ...pod, spec: JSON.parse(spec) });
    expect(await plane.kubectl(create, { input: ours })).toMatchObject({ code: 0, stderr: '' });
    const rooted = ours.replace('"runAsNonRoot":true', '"runAsNonRoot":false');
    expect((await plane.kubectl(create, { input: rooted })).stderr).toContain(
      'violates PodSecurity "restricted',
    );
  });

  it('the examples are taken as they are', async () => {
    for (const example of ['registry-auth', 'settings']) {
      const input = (await checkout.read(`deploy/${example}.yaml.example`)).replaceAll(
        'namespace: image-cloner',
        '',
      );
      const args = [
        'create',
        '--namespace',
        'tools',
        '--validate=strict',
        '--dry-run=server',
        '--filename',
        '-',
      ];
      expect(await plane.kubectl(args, { input })).toMatchObject({ code: 0, stderr: '' });
    }
  });

  describe('agents of the nodes', () => {
    const AGENT_KINDS = 'serviceaccounts,secrets,services,daemonsets,networkpolicies';
    const PRIVILEGED_PODS = 'pod-security.kubernetes.io/enforce=privileged';

    it('make deploy-agents asks for a certificate of the namespace before it touches the cluster', async () => {
      const { code, stderr } = await make('deploy-agents', 'elsewhere');
      expect([code, stderr]).toEqual([
        expect.any(Number),
        expect.stringContaining('make gen NAMESPACE=elsewhere'),
      ]);
      expect(code).not.toBe(0);
      expect(await names('namespaces')).not.toContain('namespace/elsewhere-agents');
    });

    it('make deploy-agents creates everything without a warning, in a namespace of their own', async () => {
      const deploying = make('deploy-agents', 'tools');
      await vi.waitFor(async () => {
        expect(await names('daemonsets', '--namespace', 'tools-agents')).toHaveLength(1);
      }, SOON);
      await agentsBecomeReady('tools-agents');
      expect(await deploying).toMatchObject({ code: 0, stderr: '' });
      expect(await names(AGENT_KINDS, '--namespace', 'tools-agents')).toEqual([
        'serviceaccount/image-cloner-agent',
        'secret/image-cloner-agent-tls',
        'service/image-cloner-agent',
        'daemonset.apps/image-cloner-agent',
        'networkpolicy.networking.k8s.io/image-cloner-agent',
      ]);
      expect(await names('secrets', '--namespace', 'tools')).toContain('secret/image-cloner-agents');
    });

    it('the policy of the agents lets the webhook of this namespace in, and the image is the one asked for', async () => {
      const from = '--output=jsonpath={.spec.ingress[0].from[0].namespaceSelector.matchLabels}';
      expect(
        await kubectl('get', '--namespace', 'tools-agents', 'networkpolicy', 'image-cloner-agent', from),
      ).toBe('{"kubernetes.io/metadata.name":"tools"}');
      const image = '--output=jsonpath={.spec.template.spec.containers[*].image}';
      expect(
        await kubectl('get', '--namespace', 'tools-agents', 'daemonset', 'image-cloner-agent', image),
      ).toBe(IMAGE);
    });

    it('their namespace takes their pods, and that of the webhook does not', async () => {
      expect(await names('namespaces', '--selector', PRIVILEGED_PODS)).toEqual(['namespace/tools-agents']);
      const template = '--output=jsonpath={.spec.template.spec}';
      const daemonset = ['--namespace', 'tools-agents', 'daemonset', 'image-cloner-agent'];
      const spec = JSON.parse(await kubectl('get', ...daemonset, template));
      const create = ['create', '--dry-run=server', '--filename', '-'];
      function trialIn(namespace: string): string {
        const metadata = { name: 'trial', namespace };
        const plain = { ...spec, serviceAccountName: 'default' };
        return JSON.stringify({ apiVersion: 'v1', kind: 'Pod', metadata, spec: plain });
      }
      await kubectl('create', 'serviceaccount', 'default', '--namespace', 'tools-agents');
      await kubectl('create', 'serviceaccount', 'default', '--namespace', 'tools');
      expect(await plane.kubectl(create, { input: trialIn('tools-agents') })).toMatchObject({
        code: 0,
        stderr: '',
      });
      expect((await plane.kubectl(create, { input: trialIn('tools') })).stderr).toContain(
        'violates PodSecurity "restricted',
      );
    });

    it('make undeploy-agents removes them and what they were asked with', async () => {
      const undeploying = make('undeploy-agents', 'tools');
      await vi.waitFor(async () => {
        const phase = '--output=jsonpath={.status.phase}';
        expect(await kubectl('get', 'namespace', 'tools-agents', phase)).toBe('Terminating');
      }, SOON);
      await finishDeletion('tools-agents');
      expect((await undeploying).code).toBe(0);
      expect(await names('secrets', '--namespace', 'tools')).not.toContain('secret/image-cloner-agents');
    });
  });

  it('make undeploy takes the webhook away first, and then all the rest', async () => {
    const undeploying = make('undeploy', 'tools');
    await vi.waitFor(async () => {
      const phase = '--output=jsonpath={.status.phase}';
      expect(await kubectl('get', 'namespace', 'tools', phase)).toBe('Terminating');
    }, SOON);
    expect(await webhooks()).toEqual([]);
    await finishDeletion('tools');
    expect((await undeploying).code).toBe(0);
    expect((await make('undeploy', 'tools')).code).toBe(0);
  });
});
