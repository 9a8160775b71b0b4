import type { Readable } from 'node:stream';
import type { Descriptor } from '../image/descriptor.ts';
import { algorithmOf, type Digest, digestOf, isDigest } from '../image/digest.ts';
import { LARGEST_MANIFEST, parseManifest } from '../image/manifest.ts';
import { ACCEPTED_MANIFESTS, bareMediaType, isManifest } from '../image/media-type.ts';
import type { Audience } from './authorizer.ts';
import { downloadBlob } from './blob-download.ts';
import { uploadBlob } from './blob-upload.ts';
import type { Client } from './client.ts';
import { addToFallbackTag, listReferrers, readFallbackTag } from './referrers.ts';
import { hasCode, RegistryError } from './registry-error.ts';
import type { Actions } from './scope.ts';
import { type Answer, drain, headerOf, readUpTo } from './transport.ts';

export interface ManifestContent {
  readonly descriptor: Descriptor;
  readonly bytes: Uint8Array;
}

const ACCEPT = ACCEPTED_MANIFESTS.join(', ');

/** One repository of a registry, in the words of the ORAS libraries; fits the `Target` port of the copy room. */
export class Repository {
  readonly #client: Client;
  readonly #audience: Audience;

  constructor(
    client: Client,
    { host, path }: { readonly host: string; readonly path: string },
    actions: Actions,
  ) {
    this.#client = client;
    this.#audience = { host, path, actions };
  }

  /** @throws RegistryError `NOT_FOUND` */
  async resolve(identifier: string, signal: AbortSignal): Promise<Descriptor> {
    const answer = await this.#manifest('HEAD', identifier, [200, 405], signal);
    await drain(answer);
    const descriptor = answer.status === 200 ? describe(answer) : undefined;
    // Registries without HEAD, or whose HEAD says too little, are asked for the whole.
    return descriptor ?? (await this.fetchReference(identifier, signal)).descriptor;
  }

  /** @throws RegistryError `NOT_FOUND`, `TOO_LARGE`, `CONTENT_MISMATCH`; InvalidManifestError */
  async fetchReference(identifier: string, signal: AbortSignal): Promise<ManifestContent> {
    const operation = this.#operation('read manifest', identifier);
    const answer = await this.#manifest('GET', identifier, [200], signal);
    const bytes = await readUpTo(answer, LARGEST_MANIFEST);
    if (bytes === undefined) {
      throw new RegistryError(`it is larger than ${LARGEST_MANIFEST} bytes`, {
        code: 'TOO_LARGE',
        operation,
      });
    }
    // The header is left alone: it may be missing or wrong, the bytes are what counts.
    const digest = digestOf(bytes, isDigest(identifier) ? algorithmOf(identifier) : 'sha256');
    if (isDigest(identifier) && digest !== identifier) {
      throw new RegistryError(`its content has digest ${digest}`, { code: 'CONTENT_MISMATCH', operation });
    }
    const { mediaType } = parseManifest(bytes, headerOf(answer, 'content-type') ?? '');
    return { descriptor: { mediaType, digest, size: bytes.length }, bytes };
  }

  fetch(descriptor: Descriptor, signal: AbortSignal): Promise<Readable> {
    return downloadBlob(this.#client, this.#audience, descriptor, signal);
  }

  async exists(digest: Digest, signal: AbortSignal): Promise<boolean> {
    try {
      return (await this.resolve(digest, signal)).digest === digest;
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
    return uploadBlob({
      client: this.#client,
      audience: this.#audience,
      descriptor,
      open,
      signal,
      mountFrom,
      force,
    });
  }

  /** @throws RegistryError `MISSING_CONTENT` when the registry does not have what the manifest names */
  async pushReference(
    { descriptor, bytes }: ManifestContent,
    identifier: string,
    signal: AbortSignal,
  ): Promise<void> {
    const operation = this.#operation('push manifest', identifier);
    const target = this.#manifestPath(identifier);
    const headers = { 'content-type': descriptor.mediaType };
    const call = {
      operation,
      audience: this.#audience,
      method: 'PUT',
      target,
      headers,
      body: bytes,
      signal,
    } as const;
    const answer = await this.#client.call({ ...call, expect: [200, 201, 202] });
    await drain(answer);
    this.#checkStored(answer, descriptor, operation);
    const { subject } = parseManifest(bytes, descriptor.mediaType);
    // A registry that keeps referrers itself says so in its answer; for others the list under a tag is ours to write.
    if (subject === undefined || headerOf(answer, 'oci-subject') !== undefined) return;
    await addToFallbackTag(this, subject.digest, { descriptor, bytes }, { repository: this.#name, signal });
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
    return (await readFallbackTag(this, digest, signal)).referrers;
  }

  #manifest(
    method: 'GET' | 'HEAD',
    identifier: string,
    expect: readonly number[],
    signal: AbortSignal,
  ): Promise<Answer> {
    const operation = this.#operation('read manifest', identifier);
    const target = this.#manifestPath(identifier);
    return this.#client.call({
      operation,
      audience: this.#audience,
      method,
      target,
      headers: { accept: ACCEPT },
      expect,
      signal,
    });
  }

  #checkStored(answer: Answer, { digest }: Descriptor, operation: string): void {
    const stored = headerOf(answer, 'docker-content-digest');
    // Some registries address by sha256 whatever was asked for; the tag is right all the same.
    if (stored === undefined || stored === digest || algorithmOf(digest) !== 'sha256') return;
    throw new RegistryError(`registry stored it as ${JSON.stringify(stored.slice(0, 100))}`, {
      code: 'CONTENT_MISMATCH',
      operation,
    });
  }

  #manifestPath(identifier: string): string {
    return `/v2/${this.#audience.path}/manifests/${identifier}`;
  }

  #operation(verb: string, identifier: string): string {
    return `${verb} ${this.#name}${isDigest(identifier) ? '@' : ':'}${identifier}`;
  }

  get #name(): string {
    return `${this.#audience.host}/${this.#audience.path}`;
  }
}

/** What a HEAD told us, if it told enough. */
function describe(answer: Answer): Descriptor | undefined {
  const digest = headerOf(answer, 'docker-content-digest') ?? '';
  const size = Number(headerOf(answer, 'content-length'));
  const mediaType = bareMediaType(headerOf(answer, 'content-type') ?? '');
  return isDigest(digest) && Number.isSafeInteger(size) && isManifest(mediaType)
    ? { mediaType, digest, size }
    : undefined;
}
