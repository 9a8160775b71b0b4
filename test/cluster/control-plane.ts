import { generateKeyPairSync, randomUUID } from 'node:crypto';
import { flagsOf } from '../e2e/harness/flag.ts';
import { statusOf } from '../e2e/harness/http-status.ts';
import { kubeconfigOf } from '../e2e/harness/kubeconfig.ts';
import { programOf } from '../e2e/harness/part.ts';
import { makeCertificates } from './certificates.ts';
import { Daemon, type DaemonOptions } from './daemon.ts';
import type { Folder } from './folder.ts';
import { NODE_ADDRESS } from './machine.ts';

const API_SERVER = `https://${NODE_ADDRESS}`;
const ETCD = 'http://127.0.0.1:2379';
/** Where they say that they are well. */
const CONTROLLER_MANAGER_PORT = 10257;
const SCHEDULER_PORT = 10259;

/** Who has a token, and of which group. */
const USERS = {
  admin: 'system:masters',
  'system:kube-controller-manager': '',
  'system:kube-scheduler': '',
  'system:node:node1': 'system:nodes',
} as const;
export type User = keyof typeof USERS;

/** Writes keys, certificates, tokens and a kubeconfig for each user into the folder. */
export async function writeCredentials(folder: Folder): Promise<void> {
  const { authority, certificate, key } = await makeCertificates();
  folder.write('ca.crt', authority);
  folder.write('apiserver.crt', certificate);
  folder.write('apiserver.key', key);
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  folder.write('service-account.key', privateKey.export({ type: 'pkcs8', format: 'pem' }).toString());
  const lines = Object.entries(USERS).map(([user, group]) => {
    const token = randomUUID();
    folder.write(
      kubeconfigName(user),
      kubeconfigOf({ url: API_SERVER, token, certificateAuthority: folder.file('ca.crt') }),
    );
    return `${token},${user},${user},${group}\n`;
  });
  folder.write('tokens.csv', lines.join(''));
}

/** The path of a user's kubeconfig. */
export function kubeconfigFor(folder: Folder, user: User): string {
  return folder.file(kubeconfigName(user));
}

function kubeconfigName(user: string): string {
  return `${user.replaceAll(':', '-')}.kubeconfig`;
}

/** Everything that decides, in the order in which one needs the other. */
export function controlPlane(entry: readonly string[], folder: Folder): readonly Daemon[] {
  const parts = [etcd(folder), apiServer(folder), controllerManager(folder), scheduler(folder)];
  return parts.map((part) => new Daemon({ ...part, entry, folder: folder.path }));
}

type Part = Pick<DaemonOptions, 'name' | 'command' | 'isReady'>;

function etcd(folder: Folder): Part {
  const peer = 'http://127.0.0.1:2380';
  const flags = {
    'data-dir': folder.file('etcd'),
    'listen-client-urls': ETCD,
    'advertise-client-urls': ETCD,
    'listen-peer-urls': peer,
    'initial-advertise-peer-urls': peer,
    'initial-cluster': `default=${peer}`,
    // What the cluster stores is thrown away with it.
    'unsafe-no-fsync': true,
  };
  // It answers inside its own network alone; the API server waits for it.
  return { name: 'etcd', command: [programOf('etcd'), ...flagsOf(flags)], isReady: async () => true };
}

function apiServer(folder: Folder): Part {
  const flags = {
    'advertise-address': NODE_ADDRESS,
    'secure-port': 443,
    'etcd-servers': ETCD,
    'tls-cert-file': folder.file('apiserver.crt'),
    'tls-private-key-file': folder.file('apiserver.key'),
    'token-auth-file': folder.file('tokens.csv'),
    'authorization-mode': 'Node,RBAC',
    'allow-privileged': true,
    'service-cluster-ip-range': '10.96.0.0/16',
    'service-account-issuer': 'https://kubernetes.default.svc',
    'service-account-key-file': folder.file('service-account.key'),
    'service-account-signing-key-file': folder.file('service-account.key'),
    'kubelet-preferred-address-types': 'InternalIP',
    // It calls a webhook's Service at the address of a pod: nobody else knows what a Service is here.
    'enable-aggregator-routing': true,
  };
  const command = [programOf('kube-apiserver'), ...flagsOf(flags)];
  return {
    name: 'kube-apiserver',
    command,
    isReady: async () => (await statusOf(`${API_SERVER}/readyz`)) === 200,
  };
}

function controllerManager(folder: Folder): Part {
  const flags = {
    ...clientFlags(folder, 'system:kube-controller-manager'),
    'secure-port': CONTROLLER_MANAGER_PORT,
    'service-account-private-key-file': folder.file('service-account.key'),
    'root-ca-file': folder.file('ca.crt'),
    'use-service-account-credentials': true,
  };
  const command = [programOf('kube-controller-manager'), ...flagsOf(flags)];
  return { name: 'kube-controller-manager', command, isReady: isHealthy(CONTROLLER_MANAGER_PORT) };
}

function scheduler(folder: Folder): Part {
  const flags = { ...clientFlags(folder, 'system:kube-scheduler'), 'secure-port': SCHEDULER_PORT };
  const command = [programOf('kube-scheduler'), ...flagsOf(flags)];
  return { name: 'kube-scheduler', command, isReady: isHealthy(SCHEDULER_PORT) };
}

function clientFlags(folder: Folder, user: User): Record<string, string | boolean> {
  const kubeconfig = kubeconfigFor(folder, user);
  return {
    kubeconfig,
    'authentication-kubeconfig': kubeconfig,
    'authorization-kubeconfig': kubeconfig,
    'leader-elect': false,
  };
}

function isHealthy(port: number): () => Promise<boolean> {
  return async () => (await statusOf(`https://${NODE_ADDRESS}:${port}/healthz`)) === 200;
}
