import { step } from './copy-error.ts';
import type { Leases } from './lease.ts';
import type { Kept } from './outcome.ts';

export interface Making {
  /** Undefined: there is no other process. */
  readonly leases: Leases | undefined;
  /** Name of the copy. */
  readonly name: string;
  /** Another process makes it, and is waited for. */
  readonly onWait: () => void;
  readonly make: () => Promise<Kept>;
  /** Asks whether it is there by now. */
  readonly look: () => Promise<Kept | undefined>;
}

/** Of several processes one makes a copy; the others wait for it, and find it. @throws CopyError */
export async function makeAlone(
  { leases, name, onWait, make, look }: Making,
  signal: AbortSignal,
): Promise<Kept> {
  if (leases === undefined) return make();
  const lease = await step({ operation: 'wait for another process that copies', side: 'target', name }, () =>
    leases.take(name, signal, onWait),
  );
  try {
    return (lease.waited ? await look() : undefined) ?? (await make());
  } finally {
    await lease.release();
  }
}
