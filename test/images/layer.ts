import { createHash, type Hash } from 'node:crypto';
import { pipeline, Readable, Transform } from 'node:stream';
import { createGzip, type Gzip } from 'node:zlib';
import type { Descriptor } from '../../src/image/descriptor.ts';
import { type Digest, digestOf } from '../../src/image/digest.ts';
import { randomBytes } from './random-bytes.ts';
import { tarOf } from './tar.ts';

/** A blob that is made anew each time it is opened, so that a large one is never in memory. */
export interface MadeBlob {
  readonly descriptor: Descriptor;
  readonly open: () => Readable;
}

export interface LayerOptions {
  /** Bytes of the blob, or of the one file in it where the layer is to be unpacked. */
  readonly size: number;
  /** Same seed, same bytes. */
  readonly seed: number;
}

export interface MadeLayer extends MadeBlob {
  /** Digest of the layer before it was compressed. */
  readonly diffId: Digest;
}

/** A layer of random bytes: quick to make, good for every registry, and no archive. */
export async function makeOpaqueLayer({ size, seed }: LayerOptions, mediaType: string): Promise<MadeLayer> {
  const hash = createHash('sha256');
  for (const piece of randomBytes(seed, size)) hash.update(piece);
  const digest: Digest = `sha256:${hash.digest('hex')}`;
  return {
    descriptor: { mediaType, digest, size },
    diffId: digest,
    open: () => Readable.from(randomBytes(seed, size), { objectMode: false }),
  };
}

/** A layer that Docker and containerd can unpack: a gzipped tar with one file of random bytes. */
export async function makeArchiveLayer(options: LayerOptions, mediaType: string): Promise<MadeLayer> {
  const plain = createHash('sha256');
  const packed = createHash('sha256');
  let size = 0;
  const pieces: AsyncIterable<Buffer> = pipeline(archiveOf(options), hashing(plain), pack(), ended);
  for await (const piece of pieces) {
    packed.update(piece);
    size += piece.length;
  }
  return {
    descriptor: { mediaType, digest: `sha256:${packed.digest('hex')}`, size },
    diffId: `sha256:${plain.digest('hex')}`,
    open: () => pipeline(archiveOf(options), pack(), ended),
  };
}

function archiveOf({ size, seed }: LayerOptions): Readable {
  return Readable.from(tarOf(`data/${seed}`, size, randomBytes(seed, size)), { objectMode: false });
}

/** Errors reach the reader through the stream itself. */
function ended(): void {}

/** Level 0: random bytes do not get smaller, and storing them is ten times as fast. */
function pack(): Gzip {
  return createGzip({ level: 0 });
}

function hashing(hash: Hash): Transform {
  return new Transform({
    transform(piece: Buffer, _encoding, done) {
      hash.update(piece);
      done(null, piece);
    },
  });
}

/** A blob of bytes at hand. */
export function makeBlob(bytes: Buffer, mediaType: string): MadeBlob {
  return {
    descriptor: { mediaType, digest: digestOf(bytes), size: bytes.length },
    open: () => Readable.from([bytes], { objectMode: false }),
  };
}
