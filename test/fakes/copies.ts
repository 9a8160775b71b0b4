import type { Copies, CopyTask, Found, Outcome } from '../../src/copy/outcome.ts';
import type { Tenant } from '../../src/copy/tenant.ts';
import { familiarReference, type Reference } from '../../src/image/reference.ts';

/** What a test wants to happen to a copy, by its source in familiar form. */
export type Script = (source: string, signal: AbortSignal) => Outcome | Promise<Outcome>;

export const PRESENT: Outcome = { state: 'present', digest: `sha256:${'a'.repeat(64)}` };
export const COPIED: Outcome = { state: 'copied', digest: `sha256:${'a'.repeat(64)}`, bytes: 1 };
export const PENDING: Outcome = { state: 'pending' };

/** Copies that end as scripted, and remember what was asked of them. */
export class FakeCopies implements Copies {
  /** Sources that a copy was wanted of, in order. */
  readonly ensured: string[] = [];
  /** Those of them that had to be asked anew. */
  readonly newest: string[] = [];
  /** Sources whose copy was only looked for. */
  readonly looked: string[] = [];
  /** Who asked, where anybody in particular did. */
  readonly tenants: Tenant[] = [];
  readonly #script: Script;

  constructor(script: Script = () => PRESENT) {
    this.#script = script;
  }

  async ensure({ source, newest = false, tenant }: CopyTask, signal: AbortSignal): Promise<Outcome> {
    if (tenant !== undefined) this.tenants.push(tenant);
    this.ensured.push(nameOf(source));
    if (newest) this.newest.push(nameOf(source));
    return this.#script(nameOf(source), signal);
  }

  async find({ source, tenant }: CopyTask, signal: AbortSignal): Promise<Found | undefined> {
    if (tenant !== undefined) this.tenants.push(tenant);
    this.looked.push(nameOf(source));
    const outcome = await this.#script(nameOf(source), signal);
    return outcome.state === 'present' ? foundIn(outcome) : undefined;
  }
}

function foundIn({ digest, ownBackup }: Found): Found {
  return ownBackup === undefined ? { digest } : { digest, ownBackup };
}

function nameOf(source: Reference): string {
  return familiarReference(source);
}
