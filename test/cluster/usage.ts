import { z } from 'zod';

const Summary = z.object({
  pods: z.array(
    z.object({
      podRef: z.object({ name: z.string(), namespace: z.string() }),
      cpu: z.object({ usageCoreNanoSeconds: z.number().optional() }).optional(),
      memory: z
        .object({ rssBytes: z.number().optional(), workingSetBytes: z.number().optional() })
        .optional(),
    }),
  ),
});

/** What a pod of image-cloner takes. */
export interface Usage {
  readonly pod: string;
  /** Without caches. */
  readonly rssMib: number;
  readonly workingSetMib: number;
  /** Since it began. */
  readonly cpuSeconds: number;
}

/** Runs a kubectl that has to work. @returns what it printed */
type Kubectl = (...args: readonly string[]) => Promise<string>;

const MIB = 1024 ** 2;

/** Of image-cloner's pods, as the kubelets count (every ten seconds or so). */
export async function usageOf(kubectl: Kubectl): Promise<readonly Usage[]> {
  const nodes = await kubectl('get', 'nodes', '--output', 'jsonpath={.items[*].metadata.name}');
  const summaries = await Promise.all(nodes.split(' ').map((node) => summaryOf(kubectl, node)));
  return summaries.flat();
}

async function summaryOf(kubectl: Kubectl, node: string): Promise<readonly Usage[]> {
  const text = await kubectl('get', '--raw', `/api/v1/nodes/${node}/proxy/stats/summary`);
  return Summary.parse(JSON.parse(text))
    .pods.filter(({ podRef }) => podRef.namespace === 'image-cloner')
    .map(({ podRef, cpu, memory }) => ({
      pod: podRef.name,
      rssMib: (memory?.rssBytes ?? 0) / MIB,
      workingSetMib: (memory?.workingSetBytes ?? 0) / MIB,
      cpuSeconds: (cpu?.usageCoreNanoSeconds ?? 0) / 1e9,
    }));
}
