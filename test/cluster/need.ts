import { canRun, type Need } from '../e2e/harness/need.ts';
import { isExisting } from './site.ts';

const ALWAYS: readonly Need[] = ['docker-registry', 'htpasswd', 'busybox', 'dockerd', 'kubectl', 'root'];
const OWN_CLUSTER: readonly Need[] = [
  'etcd',
  'kube-apiserver',
  'kube-controller-manager',
  'kube-scheduler',
  'kubelet',
  'containerd',
  'runc',
  'cni',
  'coredns',
];

/** Whether there is all that a cluster needs; says what is missing. */
export function canRunCluster(): boolean {
  return canRun(...ALWAYS, ...(isExisting() ? [] : OWN_CLUSTER));
}
