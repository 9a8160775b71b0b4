import { randomUUID } from 'node:crypto';
import { algorithmOf, type Digest, digestOf, isDigest } from '../../src/image/digest.ts';

export interface StoredManifest {
  readonly mediaType: string;
  readonly bytes: Buffer;
}

/** An upload that was begun. `state` stands for what registries keep in the query of the Location. */
interface Upload {
  readonly repository: string;
  readonly state: string;
  readonly chunks: Buffer[];
}

/** Content of one repository. */
export class Repository {
  readonly blobs = new Map<string, Buffer>();
  readonly manifests = new Map<string, StoredManifest>();
  readonly tags = new Map<string, Digest>();
  readonly #attempts = new Map<string, number>();

  putBlob(bytes: Buffer, algorithm: 'sha256' | 'sha384' | 'sha512' = 'sha256'): Digest {
    const digest = digestOf(bytes, algorithm);
    this.blobs.set(digest, bytes);
    return digest;
  }

  /** @param identifier tag, or digest whose algorithm is kept; without it the sha256 digest alone */
  putManifest(manifest: StoredManifest, identifier?: string): Digest {
    const asked = identifier !== undefined && isDigest(identifier) ? identifier : undefined;
    const digest = digestOf(manifest.bytes, asked === undefined ? 'sha256' : algorithmOf(asked));
    this.manifests.set(digest, manifest);
    if (identifier !== undefined && asked === undefined) this.tags.set(identifier, digest);
    return digest;
  }

  /** @returns how often this manifest was sent here, this time included */
  attempt(identifier: string): number {
    const attempts = (this.#attempts.get(identifier) ?? 0) + 1;
    this.#attempts.set(identifier, attempts);
    return attempts;
  }

  /** @param identifier tag or digest */
  manifest(identifier: string): StoredManifest | undefined {
    return this.manifests.get(this.tags.get(identifier) ?? identifier);
  }
}

/** Everything a scripted registry holds, in memory. */
export class Store {
  readonly #repositories = new Map<string, Repository>();
  readonly uploads = new Map<string, Upload>();

  /** Made when first named, as docker-registry does. */
  repository(name: string): Repository {
    const repository = this.#repositories.get(name) ?? new Repository();
    this.#repositories.set(name, repository);
    return repository;
  }

  /** @returns the Location */
  beginUpload(repository: string): string {
    const id = randomUUID();
    // Characters that a client breaks when it takes the query apart and writes it anew.
    const state = `${id}/+ =&`;
    this.uploads.set(id, { repository, state, chunks: [] });
    return `/v2/${repository}/blobs/uploads/${id}?_state=${encodeURIComponent(state)}`;
  }
}
