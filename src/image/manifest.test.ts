import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { thrownBy } from '../../test/fakes/thrown.ts';
import { digestOf } from './digest.ts';
import { InvalidManifestError, LARGEST_MANIFEST, MOST_ENTRIES, parseManifest } from './manifest.ts';
import {
  DOCKER_INDEX,
  DOCKER_MANIFEST,
  DOCKER_SCHEMA1,
  DOCKER_SCHEMA1_SIGNED,
  OCI_ARTIFACT,
  OCI_CONFIG,
  OCI_INDEX,
  OCI_LAYER,
  OCI_MANIFEST,
} from './media-type.ts';

const config = { mediaType: OCI_CONFIG, digest: digestOf(Buffer.from('config')), size: 6 };
const layer = { mediaType: OCI_LAYER, digest: digestOf(Buffer.from('layer')), size: 5 };
const child = { mediaType: OCI_MANIFEST, digest: digestOf(Buffer.from('child')), size: 5 };
const image = { schemaVersion: 2, mediaType: OCI_MANIFEST, config, layers: [layer] };
const index = { schemaVersion: 2, mediaType: OCI_INDEX, manifests: [child] };

function bytesOf(body: unknown): Uint8Array {
  return Buffer.from(JSON.stringify(body));
}

describe('parseManifest', () => {
  it.each([OCI_MANIFEST, DOCKER_MANIFEST])(
    'reads an image of type %s: config first, then layers',
    (mediaType) => {
      expect(parseManifest(bytesOf({ ...image, mediaType }), mediaType)).toEqual({
        mediaType,
        manifests: [],
        blobs: [config, layer],
        artifactType: OCI_CONFIG,
      });
    },
  );

  it.each([OCI_INDEX, DOCKER_INDEX])('reads an index of type %s in its order', (mediaType) => {
    const second = {
      ...child,
      digest: digestOf(Buffer.from('second')),
      platform: { os: 'linux', architecture: 'arm' },
    };
    expect(parseManifest(bytesOf({ ...index, mediaType, manifests: [second, child] }), mediaType)).toEqual({
      mediaType,
      manifests: [second, child],
      blobs: [],
    });
  });

  it('reads an index without children and an image without layers', () => {
    expect(parseManifest(bytesOf({ ...index, manifests: [] }), OCI_INDEX).manifests).toEqual([]);
    expect(parseManifest(bytesOf({ ...image, layers: [] }), OCI_MANIFEST).blobs).toEqual([config]);
    expect(parseManifest(bytesOf({ mediaType: OCI_MANIFEST, config }), OCI_MANIFEST).blobs).toEqual([config]);
  });

  it('reads an artifact manifest with its blobs, subject and type', () => {
    const body = { mediaType: OCI_ARTIFACT, artifactType: 'application/x', blobs: [layer], subject: child };
    expect(parseManifest(bytesOf(body), OCI_ARTIFACT)).toEqual({
      mediaType: OCI_ARTIFACT,
      manifests: [],
      blobs: [layer],
      subject: child,
      artifactType: 'application/x',
    });
  });

  it('takes the artifact type of the manifest before that of the config, and an empty one for none', () => {
    const typed = parseManifest(bytesOf({ ...image, artifactType: 'application/x' }), OCI_MANIFEST);
    const empty = parseManifest(bytesOf({ ...image, artifactType: '' }), OCI_MANIFEST);
    expect([typed.artifactType, empty.artifactType]).toEqual(['application/x', OCI_CONFIG]);
  });

  it('keeps annotations of texts and leaves out others', () => {
    const kept = parseManifest(bytesOf({ ...index, annotations: { a: 'b' } }), OCI_INDEX);
    const left = parseManifest(bytesOf({ ...index, annotations: { a: 1 } }), OCI_INDEX);
    expect([kept.annotations, left.annotations]).toEqual([{ a: 'b' }, undefined]);
  });

  it.each([
    ['the header', { ...image, mediaType: undefined }, DOCKER_MANIFEST, DOCKER_MANIFEST],
    [
      'the header with parameters',
      { ...image, mediaType: undefined },
      `${DOCKER_MANIFEST}; charset=utf-8`,
      DOCKER_MANIFEST,
    ],
    ['the body, if the header is vague', image, 'application/json', OCI_MANIFEST],
    ['the body, if there is no header', index, '', OCI_INDEX],
    ['its layers', { ...image, mediaType: undefined }, 'text/plain', OCI_MANIFEST],
    ['its children', { ...index, mediaType: undefined }, 'application/json', OCI_INDEX],
  ])('knows the type by %s', (_by, body, contentType, mediaType) => {
    expect(parseManifest(bytesOf(body), contentType).mediaType).toBe(mediaType);
  });

  it.each<[string, unknown, string]>([
    ['no object', [], OCI_MANIFEST],
    ['null', null, OCI_MANIFEST],
    ['a text', 'manifest', OCI_MANIFEST],
    ['a number', 2, OCI_MANIFEST],
    ['index and image at once', { ...image, manifests: [child] }, OCI_MANIFEST],
    ['index with a config', { ...index, config }, OCI_INDEX],
    ['image and index at once, untyped', { layers: [layer], manifests: [child] }, 'application/json'],
    ['an image type with children', { mediaType: OCI_MANIFEST, manifests: [child] }, OCI_MANIFEST],
    ['an index type with layers', { mediaType: OCI_INDEX, layers: [layer] }, OCI_INDEX],
    ['body and header of different types', image, OCI_INDEX],
    ['body and header of different makers', image, DOCKER_MANIFEST],
    ['the same with parameters', image, `${DOCKER_MANIFEST}; charset=utf-8`],
    ['an unknown type in the body', { ...image, mediaType: 'application/x' }, OCI_MANIFEST],
    [
      'an unknown type in the body below a vague header',
      { ...image, mediaType: 'application/x' },
      'application/json',
    ],
    ['a type in the body that is no text', { ...image, mediaType: 5 }, OCI_MANIFEST],
    ['null as type', { ...image, mediaType: null }, OCI_MANIFEST],
    ['nothing to tell the type by', { schemaVersion: 2 }, 'application/json'],
    ['schema 1 by header', { layers: [] }, DOCKER_SCHEMA1],
    ['signed schema 1 by header', { layers: [] }, DOCKER_SCHEMA1_SIGNED],
    ['schema 1 by body', { schemaVersion: 1, fsLayers: [] }, 'application/json'],
    ['children that are no list', { ...index, manifests: { 0: child } }, OCI_INDEX],
    ['children that are null', { ...index, manifests: null }, OCI_INDEX],
    ['layers that are no list', { ...image, layers: 'none' }, OCI_MANIFEST],
    ['layers that are null', { ...image, layers: null }, OCI_MANIFEST],
    ['null as layer', { ...image, layers: [layer, null] }, OCI_MANIFEST],
    ['null as config', { ...image, config: null }, OCI_MANIFEST],
    ['a config without size', { ...image, config: { ...config, size: undefined } }, OCI_MANIFEST],
    ['a layer of negative size', { ...image, layers: [{ ...layer, size: -1 }] }, OCI_MANIFEST],
    ['a digest that climbs', { ...image, layers: [{ ...layer, digest: 'sha256:../../x' }] }, OCI_MANIFEST],
    ['a child without digest', { ...index, manifests: [{ ...child, digest: undefined }] }, OCI_INDEX],
    ['a subject that is no descriptor', { ...index, subject: 'sha256:abc' }, OCI_INDEX],
    ['null as subject', { ...image, subject: null }, OCI_MANIFEST],
    [
      'too many layers',
      { ...image, layers: Array.from({ length: MOST_ENTRIES + 1 }, () => layer) },
      OCI_MANIFEST,
    ],
    [
      'too many children',
      { ...index, manifests: Array.from({ length: MOST_ENTRIES + 1 }, () => child) },
      OCI_INDEX,
    ],
  ])('refuses %s', (_what, body, contentType) => {
    expect(() => parseManifest(bytesOf(body), contentType)).toThrow(InvalidManifestError);
  });

  it('takes as many entries as it says', () => {
    const layers = Array.from({ length: MOST_ENTRIES }, () => layer);
    expect(parseManifest(bytesOf({ ...image, layers }), OCI_MANIFEST).blobs).toHaveLength(MOST_ENTRIES + 1);
  });

  it.each([
    ['no bytes', ''],
    ['half a document', '{"schemaVersion":2,"layers":['],
    ['HTML of a proxy', '<html><body>Bad gateway</body></html>'],
    ['two documents', '{}{}'],
    ['something after the document', '{} x'],
  ])('refuses %s and keeps the cause', (_what, text) => {
    expect(() => parseManifest(Buffer.from(text), OCI_MANIFEST)).toThrow(
      expect.objectContaining({ code: 'INVALID_MANIFEST', cause: expect.any(SyntaxError) }),
    );
  });

  it('refuses bytes that are not UTF-8', () => {
    const bytes = Buffer.concat([
      Buffer.from('{"mediaType":"'),
      Buffer.from([0xff, 0xfe]),
      Buffer.from('"}'),
    ]);
    expect(() => parseManifest(bytes, OCI_MANIFEST)).toThrow('wanted JSON in UTF-8');
  });

  it.each([
    ['by header', { layers: [] }, DOCKER_SCHEMA1],
    ['by body', { schemaVersion: 1, fsLayers: [] }, 'application/json'],
  ])('says of schema 1 %s what to do', (_by, body, contentType) => {
    expect(() => parseManifest(bytesOf(body), contentType)).toThrow(
      'schema 1 is not supported; push the image again with a current tool',
    );
  });

  it('has the limit of registries, which is 4 MiB', () => {
    expect(LARGEST_MANIFEST).toBe(4_194_304);
  });

  it('refuses a manifest over the limit unread, and takes one at the limit', () => {
    const padded = JSON.stringify(image).padEnd(LARGEST_MANIFEST, ' ');
    expect(parseManifest(Buffer.from(padded), OCI_MANIFEST).blobs).toHaveLength(2);
    expect(() => parseManifest(Buffer.from(`${padded} `), OCI_MANIFEST)).toThrow(
      `wanted at most ${LARGEST_MANIFEST} bytes, got ${LARGEST_MANIFEST + 1}`,
    );
  });

  it('answers any JSON with a manifest or with its own error', () => {
    const members = fc.record(
      {
        schemaVersion: fc.jsonValue(),
        config: fc.jsonValue(),
        layers: fc.jsonValue(),
        manifests: fc.jsonValue(),
        subject: fc.jsonValue(),
      },
      { requiredKeys: [] },
    );
    fc.assert(
      fc.property(
        fc.oneof(fc.jsonValue(), members),
        fc.constantFrom(OCI_MANIFEST, OCI_INDEX, 'text/plain'),
        (body, type) => {
          const thrown = thrownBy(() => parseManifest(bytesOf(body), type));
          expect(thrown === undefined || thrown instanceof InvalidManifestError).toBe(true);
        },
      ),
    );
  });
});
