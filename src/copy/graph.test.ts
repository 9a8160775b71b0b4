import { describe, expect, test } from 'vitest';
import { type MadeImage, makeImage, makeIndex } from '../../test/images/image.ts';
import type { Descriptor } from '../image/descriptor.ts';
import { type Digest, digestOf } from '../image/digest.ts';
import { OCI_INDEX, OCI_LAYER, OCI_MANIFEST } from '../image/media-type.ts';
import { blobsOf, distinctBlobs, hasForeignLayers, type Node, readGraph } from './graph.ts';
import type { ManifestContent } from './target.ts';

/** Reads children from images made here, and counts how often each was read. */
class Shelf {
  readonly reads: Digest[] = [];
  readonly #contents = new Map<Digest, ManifestContent>();

  constructor(...images: readonly MadeImage[]) {
    for (const image of images) this.#add(image);
  }

  #add({ content, children }: MadeImage): void {
    this.#contents.set(content.descriptor.digest, content);
    for (const child of children) this.#add(child);
  }

  put(body: object): Descriptor {
    const content = contentOf(body);
    this.#contents.set(content.descriptor.digest, content);
    return content.descriptor;
  }

  async read({ digest }: Descriptor): Promise<ManifestContent | undefined> {
    this.reads.push(digest);
    return this.#contents.get(digest);
  }
}

function contentOf(body: object): ManifestContent {
  const bytes = Buffer.from(JSON.stringify({ schemaVersion: 2, ...body }));
  const mediaType = 'manifests' in body ? OCI_INDEX : OCI_MANIFEST;
  return { descriptor: { mediaType, digest: digestOf(bytes), size: bytes.length }, bytes };
}

function blob(number: number, more: Partial<Descriptor> = {}): Descriptor {
  return { mediaType: OCI_LAYER, digest: digestOf(Buffer.from(`blob ${number}`)), size: number, ...more };
}

function read(image: { content: ManifestContent }, shelf: Shelf): Promise<Node> {
  return readGraph(image.content, (child) => shelf.read(child));
}

/** Digests of the tree, children in lists. */
function shapeOf(node: Node): unknown[] {
  return [node.content.descriptor.digest, ...node.children.map(shapeOf)];
}

const amd = await makeImage();
const arm = await makeImage({ platform: { os: 'linux', architecture: 'arm64' } });
function digestsOf(...images: readonly MadeImage[]): Digest[] {
  return images.map(({ content }) => content.descriptor.digest);
}

describe('a graph', () => {
  test('of a single image needs no reading', async () => {
    const shelf = new Shelf();
    const graph = await read(amd, shelf);
    expect([graph.children, shelf.reads, blobsOf(graph.manifest).length]).toEqual([[], [], 2]);
  });

  test('of an index has a node for each child', async () => {
    const index = makeIndex([amd, arm]);
    const graph = await read(index, new Shelf(index));
    const [top, first, second] = digestsOf(index, amd, arm);
    expect(shapeOf(graph)).toEqual([top, [first], [second]]);
  });

  test('of nested indexes goes all the way down', async () => {
    const inner = makeIndex([arm]);
    const outer = makeIndex([inner, amd]);
    const graph = await read(outer, new Shelf(outer));
    const [top, middle, leaf, other] = digestsOf(outer, inner, arm, amd);
    expect(shapeOf(graph)).toEqual([top, [middle, [leaf]], [other]]);
  });

  test('reads a child that is listed twice, or by two parents, once', async () => {
    const twice = makeIndex([amd, amd, arm]);
    const outer = makeIndex([twice, amd]);
    const shelf = new Shelf(outer);
    const graph = await read(outer, shelf);
    expect(shelf.reads.toSorted()).toEqual(digestsOf(twice, amd, arm).toSorted());
    expect(graph.children[0]?.children).toHaveLength(2);
    expect(graph.children[0]?.children[0]).toBe(graph.children[1]);
  });

  test('leaves out what need not be copied', async () => {
    const index = makeIndex([amd, arm]);
    const graph = await readGraph(index.content, async () => undefined);
    expect(graph.children).toEqual([]);
  });

  test('has attestations and children without platform in it like all others', async () => {
    const attestation = await makeImage({
      platform: { os: 'unknown', architecture: 'unknown' },
      layers: [{ size: 10, seed: 9 }],
    });
    const chart = await makeImage({ artifactType: 'application/vnd.example.chart' });
    const index = makeIndex([amd, attestation, chart]);
    expect((await read(index, new Shelf(index))).children).toHaveLength(3);
  });

  test('of an image without layers is one without blobs', async () => {
    const graph = await read({ content: contentOf({ mediaType: OCI_MANIFEST, layers: [] }) }, new Shelf());
    expect(blobsOf(graph.manifest)).toEqual([]);
  });
});

function nested(levels: number): MadeImage {
  return levels === 1 ? amd : makeIndex([nested(levels - 1)]);
}

describe('bounds', () => {
  test('four levels are read, five are not', async () => {
    const [four, five] = [nested(4), nested(5)];
    await expect(read(four, new Shelf(four))).resolves.toBeDefined();
    await expect(read(five, new Shelf(five))).rejects.toMatchObject({
      code: 'INVALID_MANIFEST',
      message: expect.stringContaining('4 levels'),
    });
  });

  test('too many children are refused before one of them is asked for', async () => {
    const manifests = Array.from({ length: 1001 }, (_, number) => blob(number, { mediaType: OCI_MANIFEST }));
    const shelf = new Shelf();
    await expect(read({ content: contentOf({ manifests }) }, shelf)).rejects.toMatchObject({
      code: 'INVALID_MANIFEST',
      message: expect.stringContaining('1000 manifests'),
    });
    expect(shelf.reads).toEqual([]);
  });

  test('too many over all levels together are refused', async () => {
    const shelf = new Shelf();
    function half(from: number): Descriptor {
      return shelf.put({
        manifests: Array.from({ length: 600 }, (_, number) =>
          shelf.put({ mediaType: OCI_MANIFEST, layers: [], annotations: { n: String(from + number) } }),
        ),
      });
    }
    const root = contentOf({ manifests: [half(0), half(600)] });
    await expect(read({ content: root }, shelf)).rejects.toMatchObject({
      message: expect.stringContaining('1000 manifests'),
    });
  });

  test('children that would fill the memory are refused before one of them is asked for', async () => {
    const manifests = Array.from({ length: 17 }, (_, number) =>
      blob(number, { mediaType: OCI_MANIFEST, size: 4 * 1024 * 1024 }),
    );
    const shelf = new Shelf();
    await expect(read({ content: contentOf({ manifests }) }, shelf)).rejects.toMatchObject({
      message: expect.stringContaining('67108864 bytes'),
    });
    expect(shelf.reads).toEqual([]);
  });

  test('children that would fill it over all levels together are refused', async () => {
    const shelf = new Shelf();
    function half(from: number): Descriptor {
      const manifests = Array.from({ length: 9 }, (_, number) =>
        blob(from + number, { mediaType: OCI_MANIFEST, size: 4 * 1024 * 1024 }),
      );
      return shelf.put({ manifests });
    }
    const root = contentOf({ manifests: [half(0), half(9)] });
    await expect(read({ content: root }, shelf)).rejects.toMatchObject({
      message: expect.stringContaining('67108864 bytes'),
    });
  });

  test('many parents of the same children cost no more than the children', async () => {
    const shelf = new Shelf();
    function layer(children: readonly Descriptor[], kind: string): Descriptor[] {
      return Array.from({ length: 50 }, (_, number) =>
        shelf.put({ manifests: children, annotations: { kind, number: String(number) } }),
      );
    }
    const leaves = Array.from({ length: 50 }, (_, number) =>
      shelf.put({ mediaType: OCI_MANIFEST, layers: [blob(number)] }),
    );
    const graph = await read(
      { content: contentOf({ manifests: layer(layer(leaves, 'lower'), 'upper') }) },
      shelf,
    );
    expect([shelf.reads.length, distinctBlobs(graph).length]).toEqual([150, 50]);
  });

  test('ten thousand blobs are copied, one more is not', async () => {
    const shelf = new Shelf();
    function image(from: number, length: number): Descriptor {
      return shelf.put({
        mediaType: OCI_MANIFEST,
        layers: Array.from({ length }, (_, number) => blob(from + number)),
      });
    }
    const most = [image(0, 4000), image(4000, 4000), image(8000, 2000)];
    const graph = await read({ content: contentOf({ manifests: most }) }, shelf);
    expect(distinctBlobs(graph)).toHaveLength(10_000);
    const more = await read({ content: contentOf({ manifests: [...most, image(10_000, 1)] }) }, shelf);
    expect(() => distinctBlobs(more)).toThrow(expect.objectContaining({ code: 'INVALID_MANIFEST' }));
  });

  test('a failed child fails the graph, and the others fail unseen', async () => {
    const index = makeIndex([amd, arm]);
    let number = 0;
    const reading = readGraph(index.content, async () => {
      number += 1;
      throw new Error(`child ${number}`);
    });
    await expect(reading).rejects.toThrow('child');
  });
});

describe('a child that is not what its index says', () => {
  test.each([
    ['another type', { mediaType: OCI_INDEX }],
    ['another size', { size: 1 }],
  ])('%s', async (_name, lie) => {
    const { mediaType, digest, size } = amd.content.descriptor;
    const root = contentOf({ manifests: [{ mediaType, digest, size, ...lie }] });
    await expect(read({ content: root }, new Shelf(amd))).rejects.toMatchObject({
      code: 'INVALID_MANIFEST',
      message: expect.stringContaining('its index says'),
    });
  });
});

describe('blobs', () => {
  test('are config and layers, each distinct one once, the largest first', async () => {
    const shelf = new Shelf();
    const first = shelf.put({
      mediaType: OCI_MANIFEST,
      config: blob(2),
      layers: [blob(1), blob(7), blob(1)],
    });
    const second = shelf.put({ mediaType: OCI_MANIFEST, config: blob(3), layers: [blob(7), blob(5)] });
    const graph = await read({ content: contentOf({ manifests: [first, second] }) }, shelf);
    expect(distinctBlobs(graph).map(({ size }) => size)).toEqual([7, 5, 3, 2, 1]);
  });

  test('do not include foreign layers, by type or by address: those are not followed', async () => {
    const foreign = [
      blob(1, {
        mediaType: 'application/vnd.docker.image.rootfs.foreign.diff.tar.gzip',
        urls: ['https://a/'],
      }),
      blob(2, { mediaType: 'application/vnd.oci.image.layer.nondistributable.v1.tar' }),
      blob(3, { urls: ['http://169.254.169.254/'] }),
    ];
    const graph = await read(
      {
        content: contentOf({ mediaType: OCI_MANIFEST, layers: [...foreign, blob(4), blob(5, { urls: [] })] }),
      },
      new Shelf(),
    );
    expect(blobsOf(graph.manifest).map(({ size }) => size)).toEqual([4, 5]);
    expect(hasForeignLayers(graph.manifest)).toBe(true);
  });

  test('without foreign ones there are none to allow', async () => {
    expect(hasForeignLayers((await read(amd, new Shelf())).manifest)).toBe(false);
  });

  test('are also the entries of an index that are no manifests', async () => {
    const unknown = blob(6, { mediaType: 'application/vnd.example.unknown' });
    const shelf = new Shelf(amd);
    const graph = await read({ content: contentOf({ manifests: [amd.content.descriptor, unknown] }) }, shelf);
    expect(blobsOf(graph.manifest).map(({ size }) => size)).toEqual([6]);
    expect(shelf.reads).toEqual(digestsOf(amd));
  });
});
