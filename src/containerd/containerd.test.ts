import { buffer } from 'node:stream/consumers';
import { status } from '@grpc/grpc-js';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { FakeContainerd } from '../../test/fakes/containerd.ts';
import { refusal } from '../../test/fakes/containerd-namespace.ts';
import { type MadeImage, makeImage, makeIndex } from '../../test/images/image.ts';
import type { Origin } from '../copy/origin.ts';
import { OCI_LAYER_GZIP } from '../image/media-type.ts';
import { parseReference, type Reference } from '../image/reference.ts';
import { Containerd } from './containerd.ts';
import type { ContainerdEvent, Held } from './held.ts';

const signal = new AbortController().signal;
const APP = parseReference('app:1');
const NAME = 'docker.io/library/app:1';
const OWN = { os: 'linux', architecture: process.arch === 'x64' ? 'amd64' : process.arch };
const OTHER = { os: 'linux', architecture: 's390x' };

let daemon: FakeContainerd;
let events: ContainerdEvent[];
/** As the copy engine takes it. */
let containerd: Containerd & Origin;

beforeEach(async () => {
  daemon = await FakeContainerd.start();
  events = [];
  containerd = new Containerd({ socket: daemon.socket, observe: (event) => events.push(event) });
});

afterEach(async () => {
  await containerd.close();
  daemon.close();
});

function digestOf({ content }: MadeImage): string {
  return content.descriptor.digest;
}

/** The last blob of an image: a layer. */
function layerOf({ blobs }: MadeImage): string | undefined {
  return blobs.at(-1)?.descriptor.digest;
}

async function holdOf(source: Reference): Promise<Held> {
  const held = await containerd.find(source, signal);
  if (held === undefined) throw new Error('Cannot find what was put in');
  return held;
}

describe('an image that is there', () => {
  let image: MadeImage;

  beforeEach(async () => {
    image = await makeImage({ layers: [{ size: 3_000_000, seed: 7 }] });
    await daemon.namespace().add(NAME, image);
  });

  test('is found by the name that Kubernetes gives it', async () => {
    const held = await containerd.find(APP, signal);
    expect(held).toMatchObject({ digest: digestOf(image), faithful: true });
    expect(held).not.toHaveProperty('partial');
    expect(events).toEqual([]);
  });

  test('is read as it is, by tag and by digest', async () => {
    const { source } = await holdOf(APP);
    const { mediaType, digest, size } = image.content.descriptor;
    for (const identifier of ['1', digest]) {
      const { descriptor, bytes } = await source.fetchReference(identifier, signal);
      expect(descriptor).toEqual({ mediaType, digest, size });
      expect(Buffer.compare(Buffer.from(bytes), image.content.bytes)).toBe(0);
      await expect(source.resolve(identifier, signal)).resolves.toEqual(descriptor);
    }
    for (const blob of image.blobs) {
      const read = await buffer(await source.fetch(blob.descriptor, signal));
      expect(Buffer.compare(read, await buffer(blob.open()))).toBe(0);
    }
    await expect(source.predecessors()).resolves.toEqual([]);
  });

  test('has no other tag', async () => {
    const { source } = await holdOf(APP);
    await expect(source.fetchReference('2', signal)).rejects.toMatchObject({ code: 'NOT_FOUND' });
  });

  test('is held from the first reading until it is closed', async () => {
    const held = await holdOf(APP);
    const { leases } = daemon.namespace();
    expect(leases.size).toBe(0);
    await held.source.fetchReference('1', signal);
    const [lease] = leases.values();
    const digests = [digestOf(image), ...image.blobs.map(({ descriptor }) => descriptor.digest)];
    const resources = digests.map((id) => JSON.stringify({ id, type: 'content' }));
    expect(lease?.resources.toSorted()).toEqual(resources.toSorted());
    await held.source.fetchReference('1', signal);
    expect(leases.size).toBe(1);
    await held.close();
    expect(leases.size).toBe(0);
    await held.close();
    expect(daemon.count('Leases.Delete')).toBe(1);
  });

  test('that goes away before it is held is not begun', async () => {
    const held = await holdOf(APP);
    const layer = layerOf(image) ?? '';
    daemon.namespace().content.delete(layer);
    const reading = held.source.fetchReference('1', signal);
    await expect(reading).rejects.toMatchObject({ code: 'MISSING_CONTENT', missing: [layer] });
    expect(daemon.namespace().leases.size).toBe(0);
    expect(daemon.count('Content.Read')).toBe(1);
  });

  test('of another namespace is not seen', async () => {
    const moby = new Containerd({ socket: daemon.socket, namespace: 'moby' });
    await expect(moby.find(APP, signal)).resolves.toBeUndefined();
    await daemon.namespace('moby').add(NAME, image);
    await expect(moby.find(APP, signal)).resolves.toMatchObject({ digest: digestOf(image) });
    await moby.close();
  });
});

describe('an image that is asked for by its digest', () => {
  test.each([
    ['under repository and digest', 'docker.io/library/app@DIGEST'],
    ['under its tag', 'docker.io/library/app:1'],
    ['under tag and digest', 'docker.io/library/app:1@DIGEST'],
    ['under another tag', 'docker.io/library/app:2'],
  ])('is found %s', async (_, name) => {
    const image = await makeImage();
    await daemon.namespace().add(name.replace('DIGEST', digestOf(image)), image);
    const held = await holdOf(parseReference(`app:1@${digestOf(image)}`));
    expect(held.digest).toBe(digestOf(image));
    await expect(held.source.fetchReference(digestOf(image), signal)).resolves.toMatchObject({
      descriptor: image.content.descriptor.digest === held.digest ? { digest: held.digest } : {},
    });
  });

  test.each([
    ['only one', 'library/app'],
    ['one of some', 'library/base,library/app'],
  ])('is found without a name where its repository is noted as %s that it came from', async (_, noted) => {
    const [own, other] = await imagesFor(OWN, OTHER);
    const namespace = daemon.namespace();
    await namespace.add('docker.io/library/app:2', makeIndex([own, other]), isNotOf(other));
    namespace.labels.set(digestOf(own), { 'containerd.io/distribution.source.docker.io': noted });
    const held = await holdOf(parseReference(`app:1@${digestOf(own)}`));
    expect(held.digest).toBe(digestOf(own));
    await expect(held.source.fetchReference(held.digest, signal)).resolves.toMatchObject({
      descriptor: { digest: held.digest, mediaType: own.content.descriptor.mediaType },
    });
  });

  test.each([
    ['registry.example:5000', 'registry.example'],
    ['registry.example:99999', 'registry.example'],
    ['[2001:db8::1]:5000', '2001:db8::1'],
    ['[2001:db8::1]', '2001:db8::1'],
  ])('is found by a note of %s, which is under %s', async (host, noted) => {
    const image = await makeImage();
    await daemon.namespace().add(undefined, image);
    const labels = { [`containerd.io/distribution.source.${noted}`]: 'team/app' };
    daemon.namespace().labels.set(digestOf(image), labels);
    const source = parseReference(`${host}/team/app@${digestOf(image)}`);
    await expect(holdOf(source)).resolves.toMatchObject({ digest: digestOf(image) });
  });

  test.each([
    ['no note', {}],
    [
      'one of another repository',
      { 'containerd.io/distribution.source.docker.io': 'library/apps,my/library/app' },
    ],
    ['one of another registry', { 'containerd.io/distribution.source.quay.io': 'library/app' }],
  ])('is not given out of another repository, with %s', async (_, labels) => {
    const image = await makeImage();
    await daemon.namespace().add('quay.io/team/secret:1', image);
    daemon.namespace().labels.set(digestOf(image), labels);
    await expect(containerd.find(parseReference(`app@${digestOf(image)}`), signal)).resolves.toBeUndefined();
  });

  test('is not the one that its tag stands for now', async () => {
    const asked = await makeImage({ layers: [{ size: 10, seed: 1 }] });
    await daemon.namespace().add(NAME, await makeImage({ layers: [{ size: 10, seed: 2 }] }));
    await expect(
      containerd.find(parseReference(`app:1@${digestOf(asked)}`), signal),
    ).resolves.toBeUndefined();
  });

  test('is not found where the digest is that of a layer', async () => {
    const image = await makeImage();
    await daemon.namespace().add(NAME, image);
    const labels = { 'containerd.io/distribution.source.docker.io': 'library/app' };
    daemon.namespace().labels.set(layerOf(image) ?? '', labels);
    await expect(containerd.find(parseReference(`app@${layerOf(image)}`), signal)).resolves.toBeUndefined();
  });
});

/** Images for two platforms, with nothing in common. */
async function imagesFor(...platforms: readonly (typeof OWN)[]): Promise<readonly [MadeImage, MadeImage]> {
  const [one = OWN, two = OTHER] = platforms;
  return [
    await makeImage({ platform: one, layers: [{ size: 1000, seed: 1 }] }),
    await makeImage({ platform: two, layers: [{ size: 1000, seed: 2 }] }),
  ];
}

/** What of a daemon that never got an image. */
function isNotOf({ content, blobs }: MadeImage): (descriptor: { digest: string }) => boolean {
  const parts = new Set<string>([content, ...blobs].map(({ descriptor }) => descriptor.digest));
  return ({ digest }) => !parts.has(digest);
}

describe('an index', () => {
  test('that is whole is held as the index', async () => {
    const index = makeIndex(await imagesFor(OWN, OTHER));
    await daemon.namespace().add(NAME, index);
    const held = await holdOf(APP);
    expect(held.digest).toBe(digestOf(index));
    expect(held).not.toHaveProperty('partial');
  });

  test.each([
    ['first', [OWN, OTHER]],
    ['last', [OTHER, OWN]],
  ])('with one image alone, the %s, is held as that image', async (_, platforms) => {
    const images = await imagesFor(...platforms);
    const index = makeIndex(images);
    const [first, last] = images;
    const [there, absent] = platforms[0] === OWN ? [first, last] : [last, first];
    await daemon.namespace().add(NAME, index, isNotOf(absent));
    const held = await holdOf(APP);
    expect(held.digest).toBe(digestOf(there));
    expect(held.partial).toEqual({ index: digestOf(index), platform: `linux/${OWN.architecture}` });
    const { descriptor } = await held.source.fetchReference('1', signal);
    expect(descriptor.digest).toBe(digestOf(there));
    expect(events).toEqual([{ type: 'incomplete', source: APP, why: `${digestOf(absent)} is not there` }]);
  });

  test('with an attestation missing is held as the image of this node', async () => {
    const [other, own] = await imagesFor(OTHER, OWN);
    const annotations = { 'vnd.docker.reference.digest': digestOf(own) };
    const statement = await makeImage({ layers: [{ size: 10, seed: 9 }] });
    const attestation = {
      ...statement,
      content: { ...statement.content, descriptor: { ...statement.content.descriptor, annotations } },
    };
    const index = makeIndex([attestation, other, own]);
    await daemon.namespace().add(NAME, index, isNotOf(attestation));
    await expect(holdOf(APP)).resolves.toMatchObject({ digest: digestOf(own) });
  });

  test('with nothing but an attestation is not held', async () => {
    const [own, other] = await imagesFor(OWN, OTHER);
    const annotations = { 'vnd.docker.reference.digest': digestOf(own) };
    const attestation = {
      ...other,
      content: { ...other.content, descriptor: { ...other.content.descriptor, annotations } },
    };
    await daemon.namespace().add(NAME, makeIndex([own, attestation]), isNotOf(own));
    await expect(containerd.find(APP, signal)).resolves.toBeUndefined();
  });

  test('that is asked for by digest does not count when it is not whole', async () => {
    const images = await imagesFor(OWN, OTHER);
    const index = makeIndex(images);
    await daemon.namespace().add(NAME, index, isNotOf(images[1]));
    const source = parseReference(`app:1@${digestOf(index)}`);
    await expect(containerd.find(source, signal)).resolves.toBeUndefined();
    expect(events).toEqual([{ type: 'incomplete', source, why: `${digestOf(images[1])} is not there` }]);
  });

  test('inside an index is walked', async () => {
    const [own, other] = await imagesFor(OWN, OTHER);
    const root = makeIndex([makeIndex([own]), makeIndex([other])]);
    await daemon.namespace().add(NAME, root);
    await expect(holdOf(APP)).resolves.toMatchObject({ digest: digestOf(root) });
    daemon.namespace().content.delete(layerOf(other) ?? '');
    await expect(holdOf(APP)).resolves.toMatchObject({ digest: digestOf(own) });
  });

  test('below too many others is not reached', async () => {
    let image = await makeImage();
    for (let depth = 0; depth < 4; depth += 1) {
      await daemon.namespace().add(NAME, { ...image, children: [] });
      image = makeIndex([image]);
    }
    await daemon.namespace().add(NAME, { ...image, children: [] });
    await expect(containerd.find(APP, signal)).resolves.toBeUndefined();
    expect(events[0]?.why).toMatch(/^sha256:\w+ is below 4 levels of indexes$/);
  });

  test('of indexes that have the same indexes over and over is not walked for ever', async () => {
    const namespace = daemon.namespace();
    let images: readonly MadeImage[] = await imagesFor(OWN, OTHER);
    for (let depth = 0; depth < 3; depth += 1) {
      for (const image of images) await namespace.add(undefined, { ...image, children: [] });
      const all = images;
      images = Array.from({ length: 40 }, (_, at) =>
        makeIndex(all, { annotations: { at: `${depth} ${at}` } }),
      );
    }
    await namespace.add(NAME, {
      ...makeIndex(images),
      children: images.map((one) => ({ ...one, children: [] })),
    });
    await expect(containerd.find(APP, signal)).resolves.toBeUndefined();
    expect(events[0]?.why).toMatch(
      /leads to over 1000 manifests, or 67108864 bytes of them, .* more like it$/,
    );
    expect(daemon.count('Content.Read')).toBeLessThanOrEqual(1_001);
  });
});

describe('an image without its layers', () => {
  test('is not held, and it is told what is missing', async () => {
    const image = await makeImage({ layers: [1, 2, 3, 4, 5].map((seed) => ({ size: 100, seed })) });
    await daemon.namespace().add(NAME, image, ({ mediaType }) => mediaType !== OCI_LAYER_GZIP);
    await expect(containerd.find(APP, signal)).resolves.toBeUndefined();
    const told = image.blobs.slice(1, 4).map(({ descriptor }) => `${descriptor.digest} is not there`);
    expect(events).toEqual([
      { type: 'incomplete', source: APP, why: `${told.join(', ')}, and 2 more like it` },
    ]);
    expect(daemon.namespace().leases.size).toBe(0);
  });

  test('that need not be distributed is whole', async () => {
    const layer = { mediaType: 'application/vnd.oci.image.layer.nondistributable.v1.tar', size: 5 };
    const foreign = { ...layer, digest: `sha256:${'a'.repeat(64)}` as const };
    const image = await makeImage({
      base: [{ descriptor: foreign, diffId: foreign.digest, open: () => expect.fail('read') }],
    });
    await daemon.namespace().add(NAME, image, ({ digest }) => digest !== foreign.digest);
    await expect(holdOf(APP)).resolves.toMatchObject({ digest: digestOf(image) });
  });
});

describe('the list', () => {
  test('has every name with what is there of it', async () => {
    const [own, other] = await imagesFor(OWN, OTHER);
    const index = makeIndex([own, other]);
    const lost = await makeImage({ layers: [{ size: 10, seed: 5 }] });
    const namespace = daemon.namespace();
    await namespace.add('docker.io/library/whole:1', own);
    await namespace.add(`docker.io/library/whole@${digestOf(own)}`, own);
    await namespace.add('quay.io/team/part:2', index, isNotOf(other));
    await namespace.add('registry.example:5000/lost:3', lost, ({ digest }) => digest !== layerOf(lost));
    const why = `${digestOf(other)} is not there`;
    await expect(containerd.list(signal)).resolves.toEqual([
      { reference: parseReference('whole:1'), digest: digestOf(own), whole: true },
      { reference: parseReference(`whole@${digestOf(own)}`), digest: digestOf(own), whole: true },
      {
        reference: parseReference('quay.io/team/part:2'),
        digest: digestOf(index),
        whole: false,
        why,
        partial: { index: digestOf(index), platform: `linux/${OWN.architecture}` },
      },
      {
        reference: parseReference('registry.example:5000/lost:3'),
        digest: digestOf(lost),
        whole: false,
        why: `${layerOf(lost)} is not there`,
      },
    ]);
  });

  test('leaves out what is no image name, and what makes no sense', async () => {
    const image = await makeImage();
    const namespace = daemon.namespace();
    const { descriptor } = image.content;
    for (const name of [`sha256:${'b'.repeat(64)}`, 'import-2026-11-21@', '../../etc/passwd', ''])
      await namespace.add(name, image);
    namespace.images.set('docker.io/library/traversal:1', { ...descriptor, digest: 'sha256:../../etc' });
    namespace.images.set('docker.io/library/negative:1', { ...descriptor, size: -1 });
    namespace.images.set('docker.io/library/none:1', {});
    await namespace.add(NAME, image);
    await expect(containerd.list(signal)).resolves.toEqual([
      { reference: APP, digest: digestOf(image), whole: true },
    ]);
  });

  test('is empty where there is nothing', async () => {
    await expect(containerd.list(signal)).resolves.toEqual([]);
  });
});

describe('a daemon', () => {
  test('tells its version', async () => {
    await expect(containerd.version(signal)).resolves.toBe('v2.1.9');
  });

  test.each([
    ['knows no such call', status.UNIMPLEMENTED, 'unknown service', 'UNSUPPORTED_VERSION'],
    ['wants something else first', status.FAILED_PRECONDITION, 'no namespace', 'REFUSED'],
    ['is broken', status.UNKNOWN, 'boltdb: invalid page', 'REFUSED'],
    ['does not let us', status.PERMISSION_DENIED, 'no', 'DENIED'],
    ['is stopping', status.UNAVAILABLE, 'server is shutting down', 'INTERRUPTED'],
    ['is slow', status.DEADLINE_EXCEEDED, 'context deadline exceeded', 'TIMEOUT'],
    ['gives up', status.CANCELLED, 'context canceled', 'INTERRUPTED'],
    ['has too much to say', status.RESOURCE_EXHAUSTED, 'message larger than max', 'TOO_LARGE'],
  ])('that %s fails a question', async (_, code, details, wanted) => {
    daemon.answers.set('Images.Get', () => {
      throw refusal(code, details);
    });
    await expect(containerd.find(APP, signal)).rejects.toMatchObject({ code: wanted });
    await expect(containerd.find(APP, signal)).rejects.toThrow(details);
  });

  test('is asked again after it was restarted', async () => {
    await expect(containerd.find(APP, signal)).resolves.toBeUndefined();
    daemon.stop();
    await expect(containerd.find(APP, signal)).rejects.toMatchObject({
      code: 'UNREACHABLE',
      retriable: true,
    });
    await daemon.start();
    await daemon.namespace().add(NAME, await makeImage());
    await expect.poll(() => containerd.find(APP, signal).catch(() => undefined)).toBeDefined();
  });
});
