import type { Readable } from 'node:stream';
import type { Descriptor } from '../image/descriptor.ts';
import { algorithmOf, type Digest, isDigest } from '../image/digest.ts';
import { LARGEST_MANIFEST, parseManifest } from '../image/manifest.ts';
import { ACCEPTED_MANIFESTS } from '../image/media-type.ts';
import type { Audience, Identity } from './authorizer.ts';
import { downloadBlob } from './blob-download.ts';
import { uploadBlob } from './blob-upload.ts';
import type { Call } from './call.ts';
import type { Client } from './client.ts';
import { describe, type ManifestContent, readManifest, storedAs } from './manifest-answer.ts';
import { addToFallbackTag, fallbackTag, listReferrers, readFallbackTag } from './referrers.ts';
import { hasCode, RegistryError } from './registry-error.ts';
import type { Actions } from './scope.ts';
import { type Answer, drain, headerOf } from './transport.ts';

const ACCEPT = ACCEPTED_MANIFESTS.join(', ');

/** One repository of a registry, in the words of the ORAS libraries; fits the `Target` port of the copy room. */
export class Repository {
  readonly #client: Client;
  readonly #audience: Audience;

  /** @param identity default: whoever the client speaks for */
  constructor(
    client: Client,
    { host, path }: { readonly host: string; readonly path: string },
    actions: Actions,
    identity?: Identity,
  ) {
    this.#client = client;
    this.#audience = { host, path, actions, ...(identity !== undefined && { identity }) };
  }

  /** @throws RegistryError `NOT_FOUND` */
  async resolve(identifier: string, signal: AbortSignal): Promise<Descriptor> {
    const call = this.#call('read manifest', identifier, signal);
    const answer = await this.#client.call({ ...call, method: 'HEAD', expect: [200, 405] });
    await drain(answer);
    const descriptor = answer.status === 200 ? describe(answer, identifier) : undefined;
    // Registries without HEAD, or whose HEAD says too little, are asked for the whole.
    return descriptor ?? (await this.fetchReference(identifier, signal)).descriptor;
  }

  /** @throws RegistryError `NOT_FOUND`, `TOO_LARGE`, `CONTENT_MISMATCH`; InvalidManifestError */
  async fetchReference(identifier: string, signal: AbortSignal): Promise<ManifestContent> {
    const call = this.#call('read manifest', identifier, signal);
    const { answer, bytes } = await this.#client.read(call, LARGEST_MANIFEST);
    return readManifest(answer, bytes, { identifier, operation: call.operation });
  }

  /** Rejects with `RATE_LIMITED` once the registry wants a pause, before which it answers nothing; never resolves. */
  heldBack(signal: AbortSignal): Promise<never> {
    return this.#client.heldBack(this.#audience.host, { operation: `read from ${this.#name}`, signal });
  }

  fetch(descriptor: Descriptor, signal: AbortSignal): Promise<Readable> {
    return downloadBlob(this.#client, this.#audience, descriptor, signal);
  }

  async exists(digest: Digest, signal: AbortSignal): Promise<boolean> {
    try {
      await this.resolve(digest, signal);
      return true;
    } catch (error) {
      // Some registries hide with 403 what is not there; a true denial shows itself at the first write.
      if (hasCode(error, 'NOT_FOUND', 'DENIED')) return false;
      throw error;
    }
  }

  push(
    descriptor: Descriptor,
    open: () => Promise<Readable>,
    signal: AbortSignal,
    { mountFrom, force = false }: { readonly mountFrom?: string; readonly force?: boolean } = {},
  ): Promise<'pushed' | 'mounted' | 'present'> {
    const client = this.#client;
    return uploadBlob({ client, audience: this.#audience, descriptor, open, signal, mountFrom, force });
  }

  /** @throws RegistryError `MISSING_CONTENT` when the registry does not have what the manifest names */
  async pushReference(content: ManifestContent, identifier: string, signal: AbortSignal): Promise<void> {
    const { descriptor, bytes } = content;
    // Under a tag a registry keeps the sha256 alone, and who asks for the digest that we know would not find it.
    const isLong = algorithmOf(descriptor.digest) !== 'sha256';
    if (isLong && !isDigest(identifier)) await this.#put(content, descriptor.digest, signal);
    const answer = await this.#put(content, identifier, signal);
    if (answer === undefined) return;
    const { subject } = parseManifest(bytes, descriptor.mediaType);
    // A registry that keeps referrers itself says so in its answer; for others the list under a tag is ours to write.
    if (subject === undefined || headerOf(answer, 'oci-subject') !== undefined) return;
    await this.#list(content, subject.digest, signal);
  }

  async predecessors(
    { digest }: Pick<Descriptor, 'digest'>,
    signal: AbortSignal,
  ): Promise<readonly Descriptor[]> {
    const traits = this.#client.traits(this.#audience.host);
    if (traits.get().referrers !== false) {
      const referrers = await listReferrers(this.#client, this.#audience, digest, signal);
      traits.learn({ referrers: referrers !== undefined });
      if (referrers !== undefined) return referrers;
    }
    return readFallbackTag(this, digest, signal);
  }

  async #list(content: ManifestContent, subject: Digest, signal: AbortSignal): Promise<void> {
    const listed = await addToFallbackTag(this, subject, content, { repository: this.#name, signal });
    const { host, path } = this.#audience;
    const { digest } = content.descriptor;
    // The manifest itself is there, and nobody is served by a copy that fails for the list.
    if (!listed) this.#client.tell({ type: 'unlisted', host, path, tag: fallbackTag(subject), digest });
  }

  /** @returns undefined when a tag was refused that has this very content already */
  async #put(content: ManifestContent, identifier: string, signal: AbortSignal): Promise<Answer | undefined> {
    const { descriptor, bytes } = content;
    const call: Call = {
      ...this.#call('push manifest', identifier, signal),
      method: 'PUT',
      headers: { 'content-type': descriptor.mediaType },
      body: bytes,
      expect: [200, 201, 202],
    };
    try {
      const answer = await this.#client.call(call);
      await drain(answer);
      await this.#confirm(content, identifier, { answer, call });
      return answer;
    } catch (error) {
      // Immutable tags are refused even for what they have (ECR).
      const refused = !isDigest(identifier) && hasCode(error, 'REFUSED', 'DENIED');
      if (refused && (await this.#has(content, identifier, signal))) return undefined;
      throw error;
    }
  }

  /** A web server that answers 200 to everything has stored nothing, and distribution 2 stores sha512 as sha256. */
  async #confirm(
    content: ManifestContent,
    identifier: string,
    { answer, call }: { readonly answer: Answer; readonly call: Call },
  ): Promise<void> {
    const stored = storedAs(answer, content);
    if (stored === 'ours' || (stored === 'same' && !isDigest(identifier))) return;
    if (stored !== 'other' && (await this.#has(content, identifier, call.signal))) return;
    throw new RegistryError(`registry answered ${answer.status} and does not have it under that name`, {
      code: 'CONTENT_MISMATCH',
      operation: call.operation,
    });
  }

  async #has({ descriptor }: ManifestContent, identifier: string, signal: AbortSignal): Promise<boolean> {
    try {
      return (await this.resolve(identifier, signal)).digest === descriptor.digest;
    } catch (error) {
      if (hasCode(error, 'NOT_FOUND', 'DENIED')) return false;
      throw error;
    }
  }

  #call(verb: string, identifier: string, signal: AbortSignal): Call {
    const audience = this.#audience;
    return {
      operation: `${verb} ${this.#name}${isDigest(identifier) ? '@' : ':'}${identifier}`,
      audience,
      method: 'GET',
      target: `/v2/${audience.path}/manifests/${identifier}`,
      headers: { accept: ACCEPT },
      expect: [200],
      signal,
    };
  }

  get #name(): string {
    return `${this.#audience.host}/${this.#audience.path}`;
  }
}
