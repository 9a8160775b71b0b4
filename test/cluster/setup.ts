import { Cluster } from './cluster.ts';
import { canRunCluster } from './need.ts';
import { findSite, isExisting, startRegistries, stopRegistries } from './site.ts';

/** Starts what the scenarios run on, unless it runs already. @returns what ends that which was started here */
export async function setup(): Promise<(() => Promise<void>) | undefined> {
  if (!canRunCluster()) return undefined;
  if (isExisting()) return serveExisting();
  if (Cluster.find() !== undefined) return undefined;
  const cluster = await Cluster.up();
  return () => cluster.down();
}

async function serveExisting(): Promise<() => Promise<void>> {
  const site = findSite();
  await startRegistries(site);
  return () => stopRegistries(site);
}
