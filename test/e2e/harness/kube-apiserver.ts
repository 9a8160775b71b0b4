import { generateKeyPairSync, randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { flagsOf } from './flag.ts';
import { freePort } from './free-port.ts';
import { statusOf } from './http-status.ts';
import { type Access, kubeconfigOf } from './kubeconfig.ts';
import type { Mount } from './mount.ts';
import { programOf } from './part.ts';
import { Process } from './process.ts';
import type { WorkFolder } from './work-folder.ts';

export interface KubeApiserverOptions {
  /** URL of its etcd. */
  readonly etcd: string;
  /** Addresses by host name, for the API server alone. */
  readonly hosts: Readonly<Record<string, string>>;
}

export interface KubeApiserver {
  /** `https://127.0.0.1:4711` */
  readonly url: string;
  /** Path of a kubeconfig file for a member of `system:masters`. */
  readonly kubeconfig: string;
  readonly process: Process;
}

/** Starts an API server; it makes its serving certificate itself. */
export async function startKubeApiserver(
  folder: WorkFolder,
  options: KubeApiserverOptions,
): Promise<KubeApiserver> {
  const port = await freePort();
  const url = `https://127.0.0.1:${port}`;
  const access = {
    url,
    token: randomUUID(),
    certificateAuthority: folder.file('certificates/apiserver.crt'),
  };
  const started = await Process.start(
    {
      command: programOf('kube-apiserver'),
      args: flagsOf({ ...flags(folder, access), 'secure-port': port, 'etcd-servers': options.etcd }),
      logFile: folder.logFile('kube-apiserver'),
      ...hostsMount(folder, options.hosts),
    },
    async () => (await statusOf(`${url}/readyz`, { authorization: `Bearer ${access.token}` })) === 200,
  );
  return { url, kubeconfig: folder.write('kubeconfig', kubeconfigOf(access)), process: started };
}

function flags(folder: WorkFolder, { token }: Access): Record<string, string> {
  const serviceAccountKey = folder.write('service-account.key', newKey());
  return {
    'bind-address': '127.0.0.1',
    'cert-dir': folder.file('certificates'),
    'service-account-issuer': 'https://kubernetes.default.svc',
    'service-account-key-file': serviceAccountKey,
    'service-account-signing-key-file': serviceAccountKey,
    'service-cluster-ip-range': '10.96.0.0/16',
    'authorization-mode': 'RBAC',
    'token-auth-file': folder.write('tokens.csv', `${token},admin,admin,system:masters\n`),
    // It would refuse pods as long as no controller has made their service account.
    'disable-admission-plugins': 'ServiceAccount',
  };
}

function newKey(): string {
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  return privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
}

/** The machine's own names and these. */
function hostsMount(
  folder: WorkFolder,
  hosts: Readonly<Record<string, string>>,
): { mounts?: readonly Mount[] } {
  const lines = Object.entries(hosts).map(([name, address]) => `${address} ${name}\n`);
  if (lines.length === 0) return {};
  const file = folder.write('hosts', `${readFileSync('/etc/hosts', 'utf8')}\n${lines.join('')}`);
  return { mounts: [{ kind: 'file', at: '/etc/hosts', file }] };
}
