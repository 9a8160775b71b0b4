import { type Digest, digestOf } from '../../src/image/digest.ts';
import {
  DOCKER_INDEX,
  DOCKER_MANIFEST,
  OCI_EMPTY,
  OCI_LAYER,
  OCI_LAYER_GZIP,
  OCI_MANIFEST,
} from '../../src/image/media-type.ts';
import type { MadeImage } from '../images/image.ts';
import { makeBlob } from '../images/layer.ts';
import {
  config,
  descriptorOf,
  index,
  json,
  type Listed,
  layer,
  type Members,
  manifest,
  manifestBy,
} from './parts.ts';

/**
 * Every kind of data that registries hold, as the OCI distribution conformance suite sorts them, and those that copies
 * have met beside. All of it is made here; the same digests in each run.
 */
export interface Sample {
  readonly kind: string;
  readonly image: MadeImage;
  /** What refers to it or to something below it, in an order in which it can be pushed. */
  readonly referrers: readonly MadeImage[];
  /** Nothing gives it a tag: it is asked for by its digest. */
  readonly untagged: boolean;
}

const FIRST_TYPE = 'application/vnd.example.first.v1';
const OTHER_TYPE = 'application/vnd.example.other.v1+json';
const EMPTY = makeBlob(Buffer.from('{}'), OCI_EMPTY);
const ARCHITECTURES = ['amd64', 'arm64'] as const;
/** So that the manifest comes near to the 4 MiB that registries take. */
const LARGE = {
  annotations: Object.fromEntries(
    Array.from({ length: 390 }, (_, at) => [`example.note.${at}`, 'n'.repeat(10_000)]),
  ),
};

export const CORPUS: readonly Sample[] = [
  sample('image', image(1)),
  sample('image of one platform, not compressed', image(2, { type: OCI_LAYER })),
  sample('image of Docker', dockerImage(3)),
  sample('image whose body does not say what it is', image(4, {}, { mediaType: undefined })),
  sample('image with a large manifest', image(5, {}, LARGE)),
  sample('image with many layers', manifest({ config: config(), layers: layers(60, 600) })),
  sample('image without layers', manifest({ config: config() })),
  sample(
    'image with the same layer twice',
    manifest({ config: config(), layers: [layer(7), layer(8), layer(7)] }),
  ),
  sample('image with a layer of no bytes', manifest({ config: config(), layers: [layer(9, { size: 0 })] })),
  sample('image whose descriptors carry their content', withContent(10)),
  sample('image with members that nobody knows', image(11, {}, { 'org.example.custom': { deep: ['x'] } })),
  sample('index', index(perPlatform(20), {}, platform)),
  sample('index of Docker', index([dockerImage(22), dockerImage(23)], { mediaType: DOCKER_INDEX }, platform)),
  sample(
    'index of indexes',
    index([index(perPlatform(24), {}, platform), index(perPlatform(26), {}, platform)]),
  ),
  sample('index of an index and one of its images', nestedTwice(28)),
  sample('index of nothing', index([])),
  sample('index that names a child twice', index([image(30), image(31), image(30)])),
  sample('index without platforms, of an attestation as well', attested(32)),
  sample(
    'index with members that nobody knows',
    index(perPlatform(34), { 'org.example.custom': 'x' }, (child, at) => ({
      ...platform(child, at),
      'org.example.entry': 1,
    })),
  ),
  sample(
    'index whose entries carry their content',
    index(perPlatform(36), {}, ({ content }) => ({ data: content.bytes.toString('base64') })),
  ),
  sample(
    'index that says whose it is',
    index(perPlatform(38), { annotations: { 'org.example.team': 'a' } }, platform),
  ),
  sample('artifact', artifact(40)),
  sample('artifact without layers', artifact(41, { layers: [{ ...EMPTY }] })),
  sample(
    'artifact known by its config alone',
    manifest({ config: json({ name: 'chart' }, OTHER_TYPE), layers: [layer(42, { mediaType: FIRST_TYPE })] }),
  ),
  sample('index of artifacts', index([artifact(43), artifact(44)], { artifactType: FIRST_TYPE })),
  withReferrers('image with a signature, an SBOM and its signature', image(50)),
  withReferrers('index whose images are referred to as well', index(perPlatform(52), {}, platform)),
  referredByIndex(56),
  sample('artifact whose subject is not there', artifact(60, {}, { subject: absent(60) })),
];

/** What few registries take: distribution 2.8 and 3 refuse a manifest by its sha512. */
export const LONG_DIGESTS: readonly Sample[] = [
  { ...sample('image known by sha512', longImage(62)), untagged: true },
  { ...sample('index known by sha512', longIndex(64)), untagged: true },
];

/** Layers that stay elsewhere (`urls`): registries want to be told to take a manifest without them. */
export const FOREIGN: Sample = sample('image with layers that stay elsewhere', foreign(70));

/** The source does not have all of it. `missing` is what is not there. */
export const SPARSE: readonly (Sample & { readonly missing: Digest })[] = [sparseImage(72), sparseIndex(74)];

function sample(kind: string, made: MadeImage, referrers: readonly MadeImage[] = []): Sample {
  return { kind, image: made, referrers, untagged: false };
}

function layers(count: number, seed: number, type = OCI_LAYER_GZIP): readonly Listed[] {
  return Array.from({ length: count }, (_, at) => layer(seed + at, { mediaType: type }));
}

function image(
  seed: number,
  { type = OCI_LAYER_GZIP, architecture = 'amd64' } = {},
  members: Members = {},
): MadeImage {
  return manifest({ config: config(architecture, { seed }), layers: layers(2, seed * 10, type) }, members);
}

function dockerImage(seed: number): MadeImage {
  const own = json(
    { os: 'linux', architecture: 'amd64', seed },
    'application/vnd.docker.container.image.v1+json',
  );
  const type = 'application/vnd.docker.image.rootfs.diff.tar.gzip';
  return manifest({ config: own, layers: layers(2, seed * 10, type) }, { mediaType: DOCKER_MANIFEST });
}

function perPlatform(seed: number): readonly MadeImage[] {
  return ARCHITECTURES.map((architecture, at) => image(seed + at, { architecture }));
}

function platform(_child: MadeImage, at: number): Members {
  return { platform: { os: 'linux', architecture: ARCHITECTURES[at] } };
}

function artifact(
  seed: number,
  { layers: own = [layer(seed, { mediaType: FIRST_TYPE })] as readonly Listed[] } = {},
  members: Members = {},
): MadeImage {
  return manifest(
    { config: EMPTY, layers: own },
    { artifactType: FIRST_TYPE, annotations: { 'org.example.seed': `${seed}` }, ...members },
  );
}

function withContent(seed: number): MadeImage {
  const [own, first] = [
    json({ seed }, 'application/vnd.example.config.v1+json'),
    json({ layer: seed }, OTHER_TYPE),
  ];
  const data = { config: { seed }, layer: { layer: seed } };
  return manifest({ config: carrying(own, data.config), layers: [carrying(first, data.layer)] });
}

function carrying(listed: Listed, value: unknown): Listed {
  const data = Buffer.from(JSON.stringify(value)).toString('base64');
  return { ...listed, descriptor: { ...listed.descriptor, data } };
}

function nestedTwice(seed: number): MadeImage {
  const children = perPlatform(seed);
  return index([index(children, {}, platform), ...children.slice(0, 1)]);
}

/** As BuildKit makes them: of a platform that nobody has, tied to its image by an annotation. */
function attested(seed: number): MadeImage {
  const own = image(seed);
  const attestation = manifest({
    config: config('unknown', { seed }),
    layers: [layer(seed, { mediaType: 'application/vnd.in-toto+json' })],
  });
  return index([own, attestation], {}, (child) =>
    child === own
      ? {}
      : {
          platform: { os: 'unknown', architecture: 'unknown' },
          annotations: {
            'vnd.docker.reference.type': 'attestation-manifest',
            'vnd.docker.reference.digest': own.content.descriptor.digest,
          },
        },
  );
}

/** A signature and an SBOM of it and of each child, and a signature of each SBOM. */
function withReferrers(kind: string, made: MadeImage): Sample {
  const referrers = [made, ...made.children].flatMap((subject, at) => {
    const signature = image(80 + at, {}, { subject: descriptorOf(subject) });
    const sbom = artifact(84 + at, {}, { subject: descriptorOf(subject) });
    return [signature, sbom, artifact(88 + at, {}, { subject: descriptorOf(sbom) })];
  });
  return sample(kind, made, referrers);
}

/** An index may refer to something, too, and bring images that do. */
function referredByIndex(seed: number): Sample {
  const made = index(perPlatform(seed), {}, platform);
  const subject = descriptorOf(made);
  const children = [artifact(seed + 2, {}, { subject }), artifact(seed + 3, {}, { subject })];
  const referrer = index(children, {
    artifactType: FIRST_TYPE,
    subject,
    annotations: { 'org.example.note': 'n' },
  });
  return sample('index that an index refers to', made, [referrer, ...children]);
}

function absent(seed: number): Members {
  return { mediaType: OCI_MANIFEST, digest: digestOf(Buffer.from(`absent ${seed}`)), size: 123 };
}

function longImage(seed: number): MadeImage {
  const listed = [seed, seed + 1].map((one) => layer(one, { algorithm: 'sha512' }));
  return manifestBy('sha512', manifest({ config: json({ seed }, OTHER_TYPE, 'sha512'), layers: listed }));
}

function longIndex(seed: number): MadeImage {
  return manifestBy('sha512', index([longImage(seed), longImage(seed + 2)], {}, platform));
}

function foreign(seed: number): MadeImage {
  const elsewhere = ['tar', 'tar+gzip'].map((form, at): Listed => {
    const digest = digestOf(Buffer.from(`elsewhere ${seed} ${at}`));
    const mediaType = `application/vnd.oci.image.layer.nondistributable.v1.${form}`;
    return {
      descriptor: { mediaType, digest, size: 12_345, urls: [`https://layers.example.com/${digest}`] },
    };
  });
  return manifest({ config: config(), layers: [...elsewhere, layer(seed)] });
}

function sparseImage(seed: number): Sample & { missing: Digest } {
  const gone = layer(seed);
  const { descriptor } = gone;
  const made = manifest({ config: config(), layers: [layer(seed + 1), { descriptor }] });
  return { ...sample('image without one of its layers', made), missing: descriptor.digest };
}

function sparseIndex(seed: number): Sample & { missing: Digest } {
  const children = perPlatform(seed);
  const whole = index(children, {}, platform);
  const gone =
    children.slice(1).map(({ content }) => content.descriptor.digest)[0] ?? whole.content.descriptor.digest;
  return {
    ...sample('index without one of its images', { ...whole, children: children.slice(0, 1) }),
    missing: gone,
  };
}
