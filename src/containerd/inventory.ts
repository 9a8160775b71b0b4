import { arch } from 'node:process';
import type { Descriptor } from '../image/descriptor.ts';
import { type Digest, isDigest } from '../image/digest.ts';
import { InvalidManifestError, parseManifest } from '../image/manifest.ts';
import type { Platform } from '../image/platform.ts';
import { type Reference, readReference } from '../image/reference.ts';
import { type Choice, choose, tellGaps } from './choice.ts';
import { hasCode } from './containerd-error.ts';
import type { ContentStore } from './content-store.ts';
import type { HeldImage } from './held.ts';
import type { ImageRecord, ImageRecords } from './image-records.ts';
import { StockTaking } from './stock.ts';

/** Node's names of processors, where Go has others (`GOARCH`, which image platforms use). */
const ARCHITECTURES: Readonly<Record<string, string>> = { x64: 'amd64', ia32: '386', ppc64: 'ppc64le' };

/** A media type that leaves it to the manifest to say its own. */
const UNKNOWN = 'application/octet-stream';

/** What was found of an image, and what is wrong with it. */
export interface Finding {
  readonly choice?: Choice;
  /** Why it is not all there. */
  readonly why?: string;
}

/** Which images one namespace has, and what of them. */
export class Inventory {
  readonly #records: ImageRecords;
  readonly #store: ContentStore;
  readonly #own: Platform = { os: 'linux', architecture: ARCHITECTURES[arch] ?? arch };

  constructor(records: ImageRecords, store: ContentStore) {
    this.#records = records;
    this.#store = store;
  }

  /** @returns undefined when there is no such image */
  async find(source: Reference, signal: AbortSignal): Promise<Finding | undefined> {
    const { digest } = source;
    const record = await this.#records.find(source, signal);
    const root =
      record?.target ?? (digest === undefined ? undefined : await this.#unnamed(source, digest, signal));
    if (root === undefined) return undefined;
    const finding = await this.#examine(root, signal);
    // Whoever asks for a digest has no use for another one.
    return digest === undefined || finding.choice?.partial === undefined ? finding : withoutChoice(finding);
  }

  async list(signal: AbortSignal): Promise<readonly HeldImage[]> {
    const findings = new Map<Digest, Finding>();
    const images: HeldImage[] = [];
    for (const record of await this.#records.list(signal)) {
      const reference = referenceOf(record);
      if (reference === undefined) continue;
      const finding = findings.get(record.target.digest) ?? (await this.#examine(record.target, signal));
      findings.set(record.target.digest, finding);
      images.push(heldImage(reference, record.target.digest, finding));
    }
    return images;
  }

  async #examine(root: Descriptor, signal: AbortSignal): Promise<Finding> {
    const stock = await new StockTaking(this.#store, signal).of(root);
    const choice = choose(root, stock, this.#own);
    return {
      ...(choice !== undefined && { choice }),
      ...(stock.gaps.length > 0 && { why: tellGaps(stock) }),
    };
  }

  /** Content without a name of its own: one image of an index, or one whose name went to a newer image. */
  async #unnamed(source: Reference, digest: Digest, signal: AbortSignal): Promise<Descriptor | undefined> {
    if (!(await this.#store.cameFrom(source, digest, signal))) return undefined;
    try {
      const bytes = await this.#store.readManifest(digest, signal);
      return { mediaType: parseManifest(bytes, UNKNOWN).mediaType, digest, size: bytes.length };
    } catch (error) {
      if (error instanceof InvalidManifestError || hasCode(error, 'NOT_FOUND', 'TOO_LARGE')) return undefined;
      throw error;
    }
  }
}

/** @returns undefined for the names that Kubernetes' part gives to the digests of configs, and for what is no name */
function referenceOf({ name }: ImageRecord): Reference | undefined {
  return isDigest(name) ? undefined : readReference(name);
}

function withoutChoice({ why }: Finding): Finding {
  return why === undefined ? {} : { why };
}

function heldImage(reference: Reference, digest: Digest, { choice, why }: Finding): HeldImage {
  const partial = choice?.partial;
  return {
    reference,
    digest,
    whole: why === undefined,
    ...(why !== undefined && { why }),
    ...(partial !== undefined && { partial }),
  };
}
