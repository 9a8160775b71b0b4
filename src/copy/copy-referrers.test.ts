import { describe, expect, test } from 'vitest';
import { answer, refusal } from '../../test/fakes/answer.ts';
import { graphCopy } from '../../test/fakes/copying.ts';
import type { RegistryOptions, ScriptedRegistry } from '../../test/fakes/scripted-registry.ts';
import { useStage } from '../../test/fakes/stage.ts';
import { type MadeImage, makeImage, makeIndex } from '../../test/images/image.ts';
import { digestOf, hexOf } from '../image/digest.ts';
import { OCI_INDEX } from '../image/media-type.ts';
import { copyGraph } from './copy-graph.ts';
import { copyReferrers } from './copy-referrers.ts';

const stage = useStage();
const amd = await makeImage();
const arm = await makeImage({ platform: { os: 'linux', architecture: 'arm64' } });
const index = makeIndex([amd, arm]);

function referrerOf({ content }: MadeImage, kind: string): Promise<MadeImage> {
  const { mediaType, digest, size } = content.descriptor;
  return makeImage({
    artifactType: `application/vnd.example.${kind}`,
    subject: { mediaType, digest, size },
    layers: [{ size: 10, seed: 5 }],
  });
}

const signature = await referrerOf(index, 'signature');
const sbom = await referrerOf(amd, 'sbom');
const signatureOfSbom = await referrerOf(sbom, 'signature');

interface Scene {
  readonly source: ScriptedRegistry;
  readonly target: ScriptedRegistry;
  readonly run: () => Promise<number>;
}

async function scene(
  referrers: readonly MadeImage[],
  source: RegistryOptions = {},
  target: RegistryOptions = {},
): Promise<Scene> {
  const images = [index, ...referrers].map((image) => ({ repository: 'app', image }));
  const [from, to] = [await stage.registry({ images, ...source }), await stage.registry(target)];
  const copy = graphCopy(stage.repository(from, 'app'), stage.repository(to, 'app'));
  await copyGraph(copy, index.content, 'v1');
  return { source: from, target: to, run: () => copyReferrers(copy, index.content) };
}

function has(registry: ScriptedRegistry, ...images: readonly MadeImage[]): boolean[] {
  return images.map(({ content }) => registry.manifest('app', content.descriptor.digest) !== undefined);
}

function cosign({ content }: MadeImage, suffix: string): string {
  return `sha256-${hexOf(content.descriptor.digest)}.${suffix}`;
}

describe('what refers to an image', () => {
  test('comes along: of the index, of its children, and of what refers to it in turn', async () => {
    const { target, run } = await scene([signature, sbom, signatureOfSbom]);
    expect(await run()).toBe(3);
    expect(has(target, signature, sbom, signatureOfSbom)).toEqual([true, true, true]);
  });

  test('may be nothing at all', async () => {
    const { run } = await scene([]);
    expect(await run()).toBe(0);
  });

  test.each([
    ['the source has no API for it', { traits: { referrers: false } }, {}],
    ['the target has no API for it', {}, { traits: { referrers: false } }],
  ])('comes along where %s', async (_name, from, to) => {
    const { source, target } = await scene([], from, to);
    const sides = [stage.repository(source, 'app'), stage.repository(target, 'app')] as const;
    for (const { descriptor, open } of signature.blobs)
      await sides[0].push(descriptor, async () => open(), new AbortController().signal);
    await sides[0].pushReference(
      signature.content,
      signature.content.descriptor.digest,
      new AbortController().signal,
    );
    expect(await copyReferrers(graphCopy(...sides), index.content)).toBe(1);
    const found = await sides[1].predecessors(index.content.descriptor, new AbortController().signal);
    expect(found.map(({ digest }) => digest)).toEqual([signature.content.descriptor.digest]);
  });

  test('comes along under the tags of cosign as well', async () => {
    const { source, target, run } = await scene([]);
    const tags = [cosign(index, 'sig'), cosign(amd, 'att'), cosign(arm, 'sbom')];
    const old = await makeImage({
      artifactType: 'application/vnd.example.old',
      layers: [{ size: 5, seed: 6 }],
    });
    for (const tag of tags) await source.seed({ repository: 'app', tag, image: old });
    expect(await run()).toBe(3);
    expect(
      target
        .tags('app')
        .filter((tag) => tag !== 'v1')
        .toSorted(),
    ).toEqual(tags.toSorted());
  });

  test('under a tag of cosign that cannot be read is an error, and not taken for absent', async () => {
    const { run } = await scene([], {
      faults: [{ path: new RegExp(cosign(amd, 'att')), answer: refusal(403, 'DENIED') }],
    });
    await expect(run()).rejects.toMatchObject({
      side: 'source',
      code: 'DENIED',
      message: expect.stringContaining(cosign(amd, 'att')),
    });
  });

  test('is not looked for under a tag that nobody can have: a sha512 is too long for one', async () => {
    const { source, target } = await scene([]);
    const digest = digestOf(amd.content.bytes, 'sha512');
    const long = { ...amd.content, descriptor: { ...amd.content.descriptor, digest } };
    const copy = graphCopy(stage.repository(source, 'app'), stage.repository(target, 'app'));
    expect(await copyReferrers(copy, long)).toBe(0);
    expect(source.requests('GET', /\.(?:sig|att|sbom)/)).toEqual([]);
  });

  test('is followed three steps and no further', async () => {
    const chain = [await referrerOf(index, 'a')];
    for (const kind of ['b', 'c', 'd']) chain.push(await referrerOf(chain.at(-1) ?? index, kind));
    const { target, run } = await scene(chain);
    expect(await run()).toBe(3);
    expect(has(target, ...chain)).toEqual([true, true, true, false]);
  });

  test('is copied once where it goes round in circles', async () => {
    const { digest } = signature.content.descriptor;
    const circle = answer(
      200,
      { 'content-type': OCI_INDEX },
      JSON.stringify({
        schemaVersion: 2,
        manifests: [signature, index].map(({ content }) => content.descriptor),
      }),
    );
    const { source, target, run } = await scene([signature], {
      faults: [{ path: /referrers/, answer: circle }],
    });
    expect(await run()).toBe(1);
    expect(target.requests('PUT', new RegExp(`manifests/${digest}`))).toHaveLength(1);
    expect(source.requests('GET', /referrers/).length).toBeLessThanOrEqual(4);
  });

  test('is what says so itself: what a list names beside stays, and hides nothing from the right one', async () => {
    const list = [signature, sbom, amd].map(({ content }) => content.descriptor);
    const wrong = JSON.stringify({ schemaVersion: 2, manifests: [...list, ...list] });
    const { target, run } = await scene([signature, sbom, signatureOfSbom], {
      faults: [{ path: /referrers/, answer: answer(200, { 'content-type': OCI_INDEX }, wrong) }],
    });
    expect(await run()).toBe(2);
    expect(has(target, signature, sbom, signatureOfSbom)).toEqual([true, true, false]);
    expect(target.requests('PUT', /manifests\/sha256/)).toHaveLength(4);
  });

  test('is read four at once: each may be as large as a manifest can be', async () => {
    const { promise: held, resolve } = Promise.withResolvers<void>();
    const six = await Promise.all(Array.from({ length: 6 }, (_, number) => referrerOf(index, `x${number}`)));
    const theirs = new RegExp(
      `manifests/(?:${six.map(({ content }) => content.descriptor.digest).join('|')})`,
    );
    const { source, run } = await scene(six, { faults: [{ method: 'GET', path: theirs, wait: held }] });
    const running = run();
    await source.seen('GET', theirs, 4);
    // A fifth would have been sent before this one has its answer.
    await stage
      .repository(source, 'app')
      .exists(index.content.descriptor.digest, new AbortController().signal);
    expect(source.requests('GET', theirs)).toHaveLength(4);
    resolve();
    expect(await running).toBe(6);
  });

  test('in numbers beyond reason is refused before one of it is read', async () => {
    const manifests = Array.from({ length: 1001 }, (_, number) => ({
      ...signature.content.descriptor,
      digest: digestOf(Buffer.from(String(number))),
    }));
    const page = JSON.stringify({ schemaVersion: 2, manifests });
    const { source, run } = await scene([], {
      faults: [{ path: /referrers/, nth: 1, answer: answer(200, { 'content-type': OCI_INDEX }, page) }],
    });
    await expect(run()).rejects.toMatchObject({
      code: 'INVALID_MANIFEST',
      message: expect.stringContaining('1000 referrers'),
    });
    const read = source.requests('GET', /manifests\/sha256:/).map(({ path }) => path.split('/').at(-1));
    expect(read.filter((digest) => manifests.some((listed) => listed.digest === digest))).toEqual([]);
  });

  test('is counted over the image and its children together', async () => {
    const { mediaType } = amd.content.descriptor;
    const many = Array.from({ length: 400 }, (_, number) => {
      const bytes = Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType, layers: [], number }));
      return { descriptor: { mediaType, digest: digestOf(bytes), size: bytes.length }, bytes };
    });
    const page = JSON.stringify({ schemaVersion: 2, manifests: many.map(({ descriptor }) => descriptor) });
    const { source, run } = await scene([], {
      faults: [{ path: /referrers/, answer: answer(200, { 'content-type': OCI_INDEX }, page) }],
    });
    for (const { bytes } of many) source.putManifest('app', { mediaType, bytes });
    await expect(run()).rejects.toMatchObject({ code: 'INVALID_MANIFEST' });
  });

  test('of a child that is listed twice is asked for once', async () => {
    const twice = makeIndex([amd, amd]);
    const source = await stage.registry({ images: [{ repository: 'app', image: twice }] });
    const target = await stage.registry();
    const copy = graphCopy(stage.repository(source, 'app'), stage.repository(target, 'app'));
    expect(await copyReferrers(copy, twice.content)).toBe(0);
    expect(source.requests('GET', /referrers/)).toHaveLength(2);
  });

  test('that the source cannot tell of is an error that says so', async () => {
    const { run } = await scene([signature], {
      faults: [{ path: /referrers/, answer: refusal(500, 'UNKNOWN') }],
    });
    await expect(run()).rejects.toMatchObject({ side: 'source', operation: 'list referrers of' });
  });

  test('that the source has lost is an error that names it', async () => {
    const { run } = await scene([signature], {
      faults: [
        {
          path: new RegExp(`manifests/${signature.content.descriptor.digest}`),
          answer: refusal(404, 'MANIFEST_UNKNOWN'),
        },
      ],
    });
    await expect(run()).rejects.toMatchObject({
      side: 'source',
      code: 'NOT_FOUND',
      operation: 'read manifest',
    });
  });
});
