import type { Readable } from 'node:stream';
import type { Descriptor } from '../image/descriptor.ts';
import { codeOf } from './copy-error.ts';
import type { RecentMap } from './recent-map.ts';
import { isRefusal } from './refusal.ts';
import type { ManifestContent, Source } from './target.ts';
import type { Tenant, TenantSource } from './tenant.ts';

export interface SourceForTenantOptions {
  readonly tenant: Tenant;
  /** `host/path` of the source: what a refusal is about. */
  readonly repository: string;
  /** By tenant, credential and repository: registries lock accounts whose password is tried again and again. */
  readonly refusals: RecentMap<unknown>;
  /** The source as everybody reads it, which is asked first; or how it refused to be read so. */
  readonly everybody: { readonly source: Source } | { readonly refusal: unknown };
}

/** Only these are about the credential alone; what is not found may be pushed a moment later. */
const REMEMBERED: ReadonlySet<string> = new Set(['UNAUTHORIZED', 'DENIED']);

type Question<T> = (source: Source) => Promise<T>;

/**
 * A source read with whatever of a tenant's credentials it takes. They are tried in turn, as the kubelet does; the first
 * that is given a manifest reads all the rest.
 */
export class SourceForTenant implements Source {
  readonly #options: SourceForTenantOptions;
  #chosen: Source | undefined;

  constructor(options: SourceForTenantOptions) {
    this.#options = options;
  }

  resolve(identifier: string, signal: AbortSignal): Promise<Descriptor> {
    return this.#ask((source) => source.resolve(identifier, signal));
  }

  fetchReference(identifier: string, signal: AbortSignal): Promise<ManifestContent> {
    return this.#ask((source) => source.fetchReference(identifier, signal));
  }

  fetch(descriptor: Descriptor, signal: AbortSignal): Promise<Readable> {
    return this.#ask((source) => source.fetch(descriptor, signal));
  }

  predecessors(descriptor: Descriptor, signal: AbortSignal): Promise<readonly Descriptor[]> {
    return this.#ask((source) => source.predecessors(descriptor, signal));
  }

  async #ask<T>(question: Question<T>): Promise<T> {
    if (this.#chosen !== undefined) return question(this.#chosen);
    const { everybody } = this.#options;
    if ('refusal' in everybody) return this.#askAsTenant(question, everybody.refusal);
    try {
      return await this.#choose(everybody.source, question);
    } catch (error) {
      if (!isRefusal(error)) throw error;
      return this.#askAsTenant(question, error);
    }
  }

  /** @param before what everybody is told; who has nothing to show is told the same of what is not there */
  async #askAsTenant<T>(question: Question<T>, before: unknown): Promise<T> {
    let refusal = before;
    try {
      for (const candidate of await this.#options.tenant.sources()) {
        const answer = await this.#askWith(candidate, question);
        if ('given' in answer) return answer.given;
        refusal = answer.refusal;
      }
    } catch (error) {
      if (codeOf(error) !== 'NO_CREDENTIALS' || codeOf(before) !== 'NOT_FOUND') throw error;
    }
    throw refusal;
  }

  async #askWith<T>(
    { identity, source }: TenantSource,
    question: Question<T>,
  ): Promise<{ readonly given: T } | { readonly refusal: unknown }> {
    const { tenant, repository, refusals } = this.#options;
    const key = `${tenant.name} ${identity} ${repository}`;
    const known = refusals.get(key);
    if (known !== undefined) return { refusal: known };
    try {
      return { given: await this.#choose(source, question) };
    } catch (refusal) {
      if (!isRefusal(refusal)) throw refusal;
      if (REMEMBERED.has(codeOf(refusal) ?? '')) refusals.set(key, refusal);
      return { refusal };
    }
  }

  async #choose<T>(source: Source, question: Question<T>): Promise<T> {
    const answer = await question(source);
    this.#chosen = source;
    return answer;
  }
}
