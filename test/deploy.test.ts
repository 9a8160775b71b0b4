import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { readJudgement } from '../src/cli/judgement.ts';
import { loadSettings } from '../src/config/configuration.ts';
import { BUILT_IN_KINDS } from '../src/workload/kinds.ts';

/** The manifests of `deploy/` as a user finds them, without what `make gen` writes. */
const FOLDER = fileURLToPath(new URL('../deploy/', import.meta.url));
const GENERATED = ['image-cloner-tls.yaml', 'image-cloner-webhook.yaml'];
const FILES = readdirSync(FOLDER, { withFileTypes: true })
  .filter((entry) => entry.isFile() && !GENERATED.includes(entry.name))
  .map(({ name }) => name);

/** What every object of the webhook carries, and by what it is selected. */
const SELECTOR = { 'app.kubernetes.io/name': 'image-cloner', 'app.kubernetes.io/component': 'webhook' };
const LABELS = { ...SELECTOR, 'app.kubernetes.io/part-of': 'image-cloner' };

function read(file: string): unknown {
  const manifest: unknown = parse(readFileSync(`${FOLDER}${file}`, 'utf8'));
  return manifest;
}

/** What is at a path of keys and indices, such as `spec.ports.0`; undefined where the path ends early. */
function at(value: unknown, path: string): unknown {
  return path.split('.').reduce<unknown>((found, key) => {
    if (typeof found !== 'object' || found === null) return undefined;
    return Object.getOwnPropertyDescriptor(found, key)?.value;
  }, value);
}

const deployment = read('deployment.yaml');
const pod = at(deployment, 'spec.template.spec');
const container = at(pod, 'containers.0');

describe('deploy/', () => {
  const applied = [
    'deployment.yaml',
    'lease-role-binding.yaml',
    'lease-role.yaml',
    'network-policy.yaml',
    'pod-disruption-budget.yaml',
    'service-account.yaml',
    'service.yaml',
  ];

  it('has all that is applied in its kustomization, and nothing else that kubectl would take for a manifest', () => {
    const manifests = FILES.filter((name) => /\.(ya?ml|json)$/.test(name) && name !== 'kustomization.yaml');
    expect(new Set(manifests)).toEqual(new Set([...applied, 'namespace.yaml']));
    const { resources } = parse(readFileSync(`${FOLDER}kustomization.yaml`, 'utf8'));
    expect(new Set(resources)).toEqual(new Set(manifests));
  });

  it.each(applied)(
    '%s carries the labels of the webhook, and leaves the namespace to the kustomization',
    (file) => {
      expect(at(read(file), 'metadata.labels')).toEqual(LABELS);
      expect(at(read(file), 'metadata.name')).toBe('image-cloner');
      expect(at(read(file), 'metadata.namespace')).toBeUndefined();
    },
  );

  it('selects the pods of the deployment wherever it selects', () => {
    expect(at(deployment, 'spec.template.metadata.labels')).toEqual(LABELS);
    for (const selector of [
      at(deployment, 'spec.selector.matchLabels'),
      at(read('service.yaml'), 'spec.selector'),
      at(read('pod-disruption-budget.yaml'), 'spec.selector.matchLabels'),
      at(read('network-policy.yaml'), 'spec.podSelector.matchLabels'),
      at(pod, 'topologySpreadConstraints.0.labelSelector.matchLabels'),
      at(
        pod,
        'affinity.podAntiAffinity.preferredDuringSchedulingIgnoredDuringExecution.0.podAffinityTerm.labelSelector.matchLabels',
      ),
    ]) {
      expect(selector).toEqual(SELECTOR);
    }
  });

  it('enforces the restricted Pod Security standard on its namespace', () => {
    expect(at(read('namespace.yaml'), 'metadata.labels')).toMatchObject({
      'pod-security.kubernetes.io/enforce': 'restricted',
    });
  });

  it('holds no secret: no Secret that is applied, no key, no token, and no authority', () => {
    for (const file of FILES) {
      const text = readFileSync(`${FOLDER}${file}`, 'utf8');
      expect(text).not.toMatch(/BEGIN|LS0t/);
      expect(/\.(ya?ml)$/.test(file) ? at(read(file), 'kind') : 'none').not.toBe('Secret');
    }
    expect(at(read('registry-auth.yaml.example'), 'stringData')).toEqual({
      username: 'YOUR_USER',
      password: 'YOUR_TOKEN',
    });
    expect(at(read('image-cloner-webhook.yaml.template'), 'webhooks.0.clientConfig.caBundle')).toBe('');
  });

  it('needs no right in the cluster, and in its own namespace those over Leases alone', () => {
    expect(FILES.filter((name) => /role/.test(name))).toEqual(['lease-role-binding.yaml', 'lease-role.yaml']);
    const [role, binding] = [read('lease-role.yaml'), read('lease-role-binding.yaml')];
    expect([at(role, 'kind'), at(role, 'rules')]).toEqual([
      'Role',
      [
        {
          apiGroups: ['coordination.k8s.io'],
          resources: ['leases'],
          verbs: ['get', 'create', 'update', 'delete'],
        },
      ],
    ]);
    expect([at(binding, 'kind'), at(binding, 'roleRef.kind'), at(binding, 'roleRef.name')]).toEqual([
      'RoleBinding',
      'Role',
      'image-cloner',
    ]);
    expect(at(binding, 'subjects')).toEqual([{ kind: 'ServiceAccount', name: 'image-cloner' }]);
  });

  it('gives its token to the pods that need it, and to no other pod of its account', () => {
    expect(at(read('service-account.yaml'), 'automountServiceAccountToken')).toBe(false);
    expect(at(pod, 'automountServiceAccountToken')).toBe(true);
    expect(at(container, 'env')).toContainEqual({ name: 'COPY_LEASE', value: 'true' });
  });
});

/**
 * The Pod Security standard "restricted" and what it takes over from "baseline", control by control
 * (https://kubernetes.io/docs/concepts/security/pod-security-standards). Undefined: absent, which the control allows.
 */
describe('the pods keep to the restricted Pod Security standard', () => {
  it.each([
    ['hostNetwork', undefined],
    ['hostPID', undefined],
    ['hostIPC', undefined],
    ['hostUsers', undefined],
    ['shareProcessNamespace', undefined],
    ['initContainers', undefined],
    ['ephemeralContainers', undefined],
    ['containers.1', undefined],
    ['securityContext.sysctls', undefined],
    ['securityContext.seLinuxOptions', undefined],
    ['securityContext.appArmorProfile', undefined],
    ['securityContext.windowsOptions', undefined],
    ['securityContext.runAsNonRoot', true],
    ['securityContext.runAsUser', 65532],
    ['securityContext.seccompProfile', { type: 'RuntimeDefault' }],
    ['containers.0.ports.0.hostPort', undefined],
    ['containers.0.ports.1.hostPort', undefined],
    [
      'containers.0.securityContext',
      { allowPrivilegeEscalation: false, readOnlyRootFilesystem: true, capabilities: { drop: ['ALL'] } },
    ],
  ])('%s is %j', (path, expected) => {
    expect(at(pod, path)).toEqual(expected);
  });

  it('mounts Secrets and nothing else, readable for its own user and not writable', () => {
    expect(at(pod, 'volumes')).toEqual([
      { name: 'tls', secret: { secretName: 'image-cloner-tls', defaultMode: 0o440 } },
      { name: 'registry-auth', secret: { secretName: 'registry-auth', optional: true, defaultMode: 0o440 } },
      { name: 'agents', secret: { secretName: 'image-cloner-agents', optional: true, defaultMode: 0o440 } },
    ]);
    expect(at(pod, 'securityContext.fsGroup')).toBe(at(pod, 'securityContext.runAsGroup'));
    expect(at(container, 'volumeMounts')).toEqual([
      { name: 'tls', mountPath: '/tls', readOnly: true },
      { name: 'registry-auth', mountPath: '/auth', readOnly: true },
      { name: 'agents', mountPath: '/agents', readOnly: true },
    ]);
  });
});

describe('the deployment', () => {
  it.each([
    ['spec.replicas', 2],
    ['spec.strategy', { type: 'RollingUpdate', rollingUpdate: { maxUnavailable: 0, maxSurge: 1 } }],
    ['spec.template.spec.enableServiceLinks', false],
    ['spec.template.spec.serviceAccountName', 'image-cloner'],
    ['spec.template.spec.containers.0.args', ['serve']],
    ['spec.template.spec.containers.0.command', undefined],
    ['spec.template.spec.containers.0.envFrom', [{ configMapRef: { name: 'image-cloner', optional: true } }]],
    ['spec.template.spec.containers.0.resources.limits', { memory: '512Mi' }],
    ['spec.template.spec.containers.0.resources.requests', { cpu: '50m', memory: '128Mi' }],
  ])('%s is %j', (path, expected) => {
    expect(at(deployment, path)).toEqual(expected);
  });

  it('asks different questions for life and for readiness, both over HTTPS', () => {
    expect(at(container, 'livenessProbe.httpGet')).toEqual({
      path: '/livez',
      port: 'https',
      scheme: 'HTTPS',
    });
    expect(at(container, 'readinessProbe.httpGet')).toEqual({
      path: '/readyz',
      port: 'https',
      scheme: 'HTTPS',
    });
  });

  it('gives a pod more time to end than its grace time and a last answer take', () => {
    const [graceSeconds, waitSeconds] = [10, 10];
    expect(at(pod, 'terminationGracePeriodSeconds')).toBeGreaterThan(graceSeconds + waitSeconds);
  });

  it('leads from the port of the API server to that of the process', () => {
    expect(at(read('service.yaml'), 'spec.ports')).toEqual([
      { name: 'https', port: 443, targetPort: 'https' },
    ]);
    expect(at(container, 'ports')).toEqual([
      { name: 'https', containerPort: 8443 },
      { name: 'metrics', containerPort: 9090 },
    ]);
    expect(at(read('network-policy.yaml'), 'spec.ingress.0')).toEqual({
      ports: [{ port: 'https', protocol: 'TCP' }],
    });
  });

  it('keeps one pod through a drain, and lets a drain pass that is not ready', () => {
    expect(at(read('pod-disruption-budget.yaml'), 'spec')).toMatchObject({
      minAvailable: 1,
      unhealthyPodEvictionPolicy: 'AlwaysAllow',
    });
  });
});

/** Agents may do what nothing else of image-cloner may: mount a folder of the node. */
describe('deploy/agent/', () => {
  const AGENT = { 'app.kubernetes.io/name': 'image-cloner', 'app.kubernetes.io/component': 'agent' };
  const daemonset = read('agent/daemonset.yaml');
  const agent = at(daemonset, 'spec.template.spec');

  it('has all that is applied in its kustomization, and no secret', () => {
    const files = readdirSync(`${FOLDER}agent`).filter((name) => !name.startsWith('image-cloner-'));
    const { resources } = parse(readFileSync(`${FOLDER}agent/kustomization.yaml`, 'utf8'));
    expect(new Set(['kustomization.yaml', ...resources])).toEqual(new Set(files));
    for (const file of files) expect(at(read(`agent/${file}`), 'kind')).not.toBe('Secret');
  });

  it('selects its own pods, and none of the webhook', () => {
    expect(at(daemonset, 'spec.template.metadata.labels')).toMatchObject(AGENT);
    for (const selector of [
      at(daemonset, 'spec.selector.matchLabels'),
      at(read('agent/service.yaml'), 'spec.selector'),
      at(read('agent/network-policy.yaml'), 'spec.podSelector.matchLabels'),
    ]) {
      expect(selector).toEqual(AGENT);
    }
  });

  it('is reached by the webhook alone', () => {
    expect(at(read('agent/network-policy.yaml'), 'spec.ingress.0')).toEqual({
      ports: [{ port: 'https', protocol: 'TCP' }],
      from: [
        {
          namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': 'image-cloner' } },
          podSelector: { matchLabels: SELECTOR },
        },
      ],
    });
  });

  it('has a Service whose name stands for every agent', () => {
    expect(at(read('agent/service.yaml'), 'spec.clusterIP')).toBe('None');
    expect(at(read('agent/service.yaml'), 'metadata.name')).toBe('image-cloner-agent');
  });

  it('says in its namespace that a folder of the node is mounted, and in that of the webhook that none is', () => {
    expect(at(read('agent/namespace.yaml'), 'metadata.labels')).toMatchObject({
      'pod-security.kubernetes.io/enforce': 'privileged',
    });
    expect(JSON.stringify(at(pod, 'volumes'))).not.toContain('hostPath');
  });

  it.each([
    ['automountServiceAccountToken', false],
    ['hostNetwork', undefined],
    ['hostPID', undefined],
    ['hostIPC', undefined],
    ['initContainers', undefined],
    ['containers.1', undefined],
    ['containers.0.args', ['agent']],
    ['containers.0.ports.0.hostPort', undefined],
    ['containers.0.securityContext.privileged', undefined],
    [
      'containers.0.securityContext',
      { allowPrivilegeEscalation: false, readOnlyRootFilesystem: true, capabilities: { drop: ['ALL'] } },
    ],
    ['securityContext.seccompProfile', { type: 'RuntimeDefault' }],
  ])('%s is %j', (path, expected) => {
    expect(at(agent, path)).toEqual(expected);
  });

  it('mounts its certificate and the folder of the socket, neither to be written', () => {
    expect(at(agent, 'volumes')).toEqual([
      { name: 'tls', secret: { secretName: 'image-cloner-agent-tls', defaultMode: 0o400 } },
      { name: 'containerd', hostPath: { path: '/run/containerd', type: 'Directory' } },
    ]);
    expect(at(agent, 'containers.0.volumeMounts')).toEqual([
      { name: 'tls', mountPath: '/agents', readOnly: true },
      {
        name: 'containerd',
        mountPath: '/run/containerd',
        readOnly: true,
        mountPropagation: 'HostToContainer',
      },
    ]);
  });

  it('has no right in the cluster', () => {
    expect(at(read('agent/service-account.yaml'), 'automountServiceAccountToken')).toBe(false);
    expect(readdirSync(`${FOLDER}agent`).filter((name) => name.includes('role'))).toEqual([]);
  });
});

describe('what can be granted beside', () => {
  it('is to get secrets by their names and service accounts, in one namespace', () => {
    const [role, binding] = readFileSync(`${FOLDER}access/role.yaml`, 'utf8')
      .split('\n---\n')
      .map((document): unknown => parse(document));
    expect(at(role, 'kind')).toBe('Role');
    expect(at(role, 'rules')).toEqual([
      { apiGroups: [''], resources: ['secrets'], resourceNames: ['SECRET'], verbs: ['get'] },
      { apiGroups: [''], resources: ['serviceaccounts'], verbs: ['get'] },
    ]);
    expect(at(binding, 'subjects')).toEqual([
      { kind: 'ServiceAccount', name: 'image-cloner', namespace: 'image-cloner' },
    ]);
    expect([at(binding, 'kind'), at(binding, 'roleRef.name')]).toEqual([
      'RoleBinding',
      at(role, 'metadata.name'),
    ]);
  });

  it('is to list nodes', () => {
    const [role] = readFileSync(`${FOLDER}access/nodes.yaml`, 'utf8').split('\n---\n');
    expect(at(parse(role ?? ''), 'rules')).toEqual([
      { apiGroups: [''], resources: ['nodes'], verbs: ['list'] },
    ]);
  });
});

function rule(apiGroup: string, ...resources: readonly string[]): unknown {
  const operations = ['CREATE', 'UPDATE'];
  return { apiGroups: [apiGroup], apiVersions: ['v1'], resources, operations, scope: 'Namespaced' };
}

describe('the webhook configuration', () => {
  const configuration = read('image-cloner-webhook.yaml.template');

  const webhooks = [
    // Three segments, or the API server refuses the name.
    {
      name: 'clone-image.image-cloner.dev',
      rules: [
        rule('apps', 'deployments', 'daemonsets', 'statefulsets', 'replicasets'),
        rule('batch', 'jobs'),
        rule('', 'replicationcontrollers'),
      ],
    },
    { name: 'clone-cronjob.image-cloner.dev', rules: [rule('batch', 'cronjobs')] },
    { name: 'clone-podtemplate.image-cloner.dev', rules: [rule('', 'podtemplates')] },
    { name: 'clone-pod.image-cloner.dev', rules: [rule('', 'pods', 'pods/ephemeralcontainers')] },
  ];

  it('has one webhook for each place of a pod spec', () => {
    expect(at(configuration, 'kind')).toBe('MutatingWebhookConfiguration');
    expect(webhooks.map(({ name }, index) => [name, at(configuration, `webhooks.${index}.name`)])).toEqual(
      webhooks.map(({ name }) => [name, name]),
    );
    expect(at(configuration, `webhooks.${webhooks.length}`)).toBeUndefined();
  });

  describe.each(webhooks.map(({ name, rules }, index) => ({ name, rules, index })))('$name', (webhook) => {
    it.each([
      ['rules', webhook.rules],
      ['admissionReviewVersions', ['v1']],
      ['failurePolicy', 'Ignore'],
      ['sideEffects', 'NoneOnDryRun'],
      ['timeoutSeconds', 15],
      ['matchPolicy', 'Equivalent'],
      ['reinvocationPolicy', 'IfNeeded'],
      [
        'clientConfig',
        {
          caBundle: '',
          service: { name: 'image-cloner', namespace: 'image-cloner', port: 443, path: '/clone-image' },
        },
      ],
      ['namespaceSelector.matchLabels', { 'image-cloner': 'enabled' }],
      [
        'objectSelector',
        { matchExpressions: [{ key: 'image-cloner', operator: 'NotIn', values: ['disabled'] }] },
      ],
      [
        'matchConditions.0',
        { name: 'not-being-deleted', expression: '!has(object.metadata.deletionTimestamp)' },
      ],
    ])('%s is %j', (path, expected) => {
      expect(at(configuration, `webhooks.${webhook.index}.${path}`)).toEqual(expected);
    });

    it('is never asked about its own namespace and those of the control plane, whatever labels they have', () => {
      expect(at(configuration, `webhooks.${webhook.index}.namespaceSelector.matchExpressions`)).toEqual([
        {
          key: 'kubernetes.io/metadata.name',
          operator: 'NotIn',
          // `make gen` puts the namespace in the first place.
          values: ['image-cloner', 'kube-system', 'kube-public', 'kube-node-lease'],
        },
      ]);
    });
  });

  it('asks about every kind that the program knows', () => {
    const resources = webhooks.flatMap(({ rules }) => rules.flatMap((one) => at(one, 'resources')));
    const kinds = [...BUILT_IN_KINDS.keys()].map((kind) => `${kind.split('.')[0]?.toLowerCase()}s`);
    expect(new Set(resources)).toEqual(new Set([...kinds, 'pods/ephemeralcontainers']));
  });
});

describe('the examples', () => {
  const configuration = fileURLToPath(new URL('../deploy/examples/config.yaml', import.meta.url));

  it('of a configuration is one that is taken', async () => {
    const settings = await loadSettings({ file: configuration, environment: {} });
    const { rules, kinds } = readJudgement(settings);
    expect(rules.map(({ name }) => name)).toEqual(['ours', 'no-latest', 'proxied']);
    expect([...kinds.keys()].filter((kind) => !BUILT_IN_KINDS.has(kind))).toEqual([
      'Rollout.argoproj.io',
      'Cluster.postgresql.cnpg.io',
    ]);
  });

  it('of a webhook for custom resources fits the end of the template', () => {
    const template = readFileSync(`${FOLDER}image-cloner-webhook.yaml.template`, 'utf8');
    const example = readFileSync(`${FOLDER}examples/custom-resources.yaml`, 'utf8');
    const joined: unknown = parse(template + example.replaceAll(/^/gm, '  '));
    expect(at(joined, 'webhooks.4.clientConfig')).toEqual(at(joined, 'webhooks.0.clientConfig'));
    expect(at(joined, 'webhooks.4.rules.0.resources')).toEqual(['rollouts']);
    expect(at(joined, 'webhooks.4.rules.1.resources')).toEqual(['clusters']);
  });
});
