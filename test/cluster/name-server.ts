import { statusOf } from '../e2e/harness/http-status.ts';
import { programOf } from '../e2e/harness/part.ts';
import { kubeconfigFor } from './control-plane.ts';
import { Daemon } from './daemon.ts';
import type { Folder } from './folder.ts';
import { NAME_SERVER_ADDRESS, NODE_ADDRESS } from './machine.ts';

/** What the names of Services end in, as nearly everywhere. */
export const CLUSTER_DOMAIN = 'cluster.local';
const CONFIGURATION = 'Corefile';
const READY_PORT = 8181;

/** CoreDNS, as a process beside the kubelet. */
export function nameServer(entry: readonly string[], folder: Folder): Daemon {
  return new Daemon({
    name: 'coredns',
    entry,
    folder: folder.path,
    command: [programOf('coredns'), '-conf', folder.file(CONFIGURATION)],
    isReady: async () => (await statusOf(`http://${NODE_ADDRESS}:${READY_PORT}/ready`)) === 200,
  });
}

/**
 * Writes what kubeadm configures, but that it answers for the cluster alone: no other name exists here. The kubeconfig
 * is the admin's; the account that CoreDNS has elsewhere belongs to its pods.
 */
export function configureNameServer(folder: Folder): void {
  const text = `${CLUSTER_DOMAIN} in-addr.arpa {
  bind ${NAME_SERVER_ADDRESS}
  errors
  log
  ready ${NODE_ADDRESS}:${READY_PORT}
  kubernetes {
    kubeconfig ${kubeconfigFor(folder, 'admin')}
    ttl 30
  }
}
. {
  bind ${NAME_SERVER_ADDRESS}
  errors
  log
  template ANY ANY {
    rcode NXDOMAIN
  }
}
`;
  folder.write(CONFIGURATION, text);
}
