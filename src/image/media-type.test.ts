import { describe, expect, it } from 'vitest';
import {
  ACCEPTED_MANIFESTS,
  bareMediaType,
  DOCKER_INDEX,
  DOCKER_MANIFEST,
  DOCKER_SCHEMA1,
  DOCKER_SCHEMA1_SIGNED,
  isForeignLayer,
  isIndex,
  isManifest,
  isSchema1,
  OCI_ARTIFACT,
  OCI_CONFIG,
  OCI_EMPTY,
  OCI_INDEX,
  OCI_LAYER,
  OCI_LAYER_GZIP,
  OCI_MANIFEST,
} from './media-type.ts';

describe('kinds of media types', () => {
  it.each([
    [OCI_INDEX, { index: true, manifest: true, schema1: false }],
    [DOCKER_INDEX, { index: true, manifest: true, schema1: false }],
    [OCI_MANIFEST, { index: false, manifest: true, schema1: false }],
    [DOCKER_MANIFEST, { index: false, manifest: true, schema1: false }],
    [OCI_ARTIFACT, { index: false, manifest: true, schema1: false }],
    [DOCKER_SCHEMA1, { index: false, manifest: false, schema1: true }],
    [DOCKER_SCHEMA1_SIGNED, { index: false, manifest: false, schema1: true }],
    [OCI_CONFIG, { index: false, manifest: false, schema1: false }],
    [OCI_EMPTY, { index: false, manifest: false, schema1: false }],
    [OCI_LAYER, { index: false, manifest: false, schema1: false }],
    ['application/json', { index: false, manifest: false, schema1: false }],
    ['', { index: false, manifest: false, schema1: false }],
  ])('of %s', (mediaType, expected) => {
    expect({
      index: isIndex(mediaType),
      manifest: isManifest(mediaType),
      schema1: isSchema1(mediaType),
    }).toEqual(expected);
  });

  it('asks registries for every kind that can be read and for no other', () => {
    expect(ACCEPTED_MANIFESTS.filter((mediaType) => !isManifest(mediaType))).toEqual([]);
    expect(ACCEPTED_MANIFESTS).toHaveLength(5);
  });
});

describe('isForeignLayer', () => {
  it.each([
    ['application/vnd.docker.image.rootfs.foreign.diff.tar.gzip', true],
    ['application/vnd.oci.image.layer.nondistributable.v1.tar+gzip', true],
    [OCI_LAYER, false],
    [OCI_LAYER_GZIP, false],
    ['application/vnd.docker.image.rootfs.diff.tar.gzip', false],
  ])('of %s is %s', (mediaType, expected) => {
    expect(isForeignLayer(mediaType)).toBe(expected);
  });
});

describe('bareMediaType', () => {
  it.each([
    ['application/json', 'application/json'],
    ['application/json; charset=utf-8', 'application/json'],
    ['Application/JSON;charset=utf-8', 'application/json'],
    ['  text/plain ; a=b; c=d', 'text/plain'],
    [';', ''],
    ['', ''],
  ])('of %j is %j', (header, bare) => {
    expect(bareMediaType(header)).toBe(bare);
  });
});
