import { expect, test } from 'vitest';
import { never, trustedCertificate, useStage } from '../../test/fakes/stage.ts';
import { randomBytes } from '../../test/images/random-bytes.ts';
import { digestOf } from '../image/digest.ts';
import { OCI_LAYER } from '../image/media-type.ts';

const stage = useStage();
const KIB = 1024;

/** Blobs that are many reads long, and some that end within one. */
const blobs = [0, 1, 2, 3, 4, 5].map((seed) => {
  const content = Buffer.concat([...randomBytes(seed, 4096 * KIB + seed * 77_777)]);
  return { content, descriptor: { mediaType: OCI_LAYER, digest: digestOf(content), size: content.length } };
});

// What is read from one registry is sent to the other out of the same buffers: each blob has to arrive as it was.
test.each([
  ['without TLS, both', false, false],
  ['by TLS, both', true, true],
  ['by TLS from the source alone', true, false],
  ['by TLS to the target alone', false, true],
])('many blobs at once pass from registry to registry, %s', async (_name, sourceTls, targetTls) => {
  const tls = await trustedCertificate();
  const source = await stage.registry(sourceTls ? { tls } : {});
  const target = await stage.registry(targetTls ? { tls } : {});
  for (const { content } of blobs) source.putBlob('app', content);
  const reading = stage.repository(source, 'app', { speaksPlainHttp: () => !sourceTls, actions: 'pull' });
  const writing = stage.repository(target, 'app', { speaksPlainHttp: () => !targetTls });

  await Promise.all(
    blobs.map(({ descriptor }) =>
      writing.push(descriptor, () => reading.fetch(descriptor, never), never, { force: false }),
    ),
  );

  const arrived = blobs.map(({ content, descriptor }) =>
    target.blob('app', descriptor.digest)?.equals(content),
  );
  expect(arrived).toEqual(blobs.map(() => true));
  // None was refused and sent again.
  expect(target.requests('PUT')).toHaveLength(blobs.length);
});
