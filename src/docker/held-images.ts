import { formatPlatform } from '../image/platform.ts';
import { repositoryOf } from '../image/reference.ts';
import { DockerError } from './docker-error.ts';
import type { Engine } from './engine.ts';
import type { HeldImage } from './held.ts';
import { digestIn, type HeldManifest, type ImageJson, readImage } from './image-json.ts';

const OPERATION = 'list the images of the Docker daemon';

/** Every image by each of its names; those that have none but a digest by that. @throws DockerError */
export async function heldImages(engine: Engine, signal: AbortSignal): Promise<readonly HeldImage[]> {
  const { socket, keepsContent, listsPlatforms } = engine;
  const query = keepsContent && listsPlatforms ? { query: { manifests: '1' } } : {};
  const answer = await socket.json({ path: '/images/json', ...query, operation: OPERATION, signal });
  if (!Array.isArray(answer))
    throw new DockerError('wanted a list', { code: 'PROTOCOL', operation: OPERATION });
  return answer.flatMap((entry) => {
    const image = readImage(entry);
    return image === undefined ? [] : namesOf(image, keepsContent);
  });
}

function namesOf(image: ImageJson, keepsContent: boolean): readonly HeldImage[] {
  const state = keepsContent ? stateOf(image.manifests) : { whole: true };
  const tagged = new Set(image.tags.map(repositoryOf));
  const untagged = image.digests.filter((name) => !tagged.has(repositoryOf(name)));
  return [...image.tags, ...untagged].map((reference) => {
    const digest = keepsContent ? image.id : (reference.digest ?? digestIn(image, repositoryOf(reference)));
    return { reference, ...(digest !== undefined && { digest }), ...state };
  });
}

function stateOf(manifests: readonly HeldManifest[] | undefined): Pick<HeldImage, 'whole' | 'why'> {
  if (manifests === undefined) return { whole: false, why: 'this daemon does not say what of it is there' };
  const missing = manifests.filter(({ available }) => !available);
  if (missing.length === 0) return { whole: true };
  const names = missing.map(({ digest, platform }) =>
    platform === undefined ? digest : formatPlatform(platform),
  );
  return { whole: false, why: `without ${names.join(', ')}` };
}
