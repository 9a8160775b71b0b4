import { formatReference, identifierOf, type Reference, repositoryOf } from '../image/reference.ts';
import type { EngineSocket } from './engine-socket.ts';
import { registryAuth } from './registry-auth.ts';
import { follow, type TransferOptions } from './transfer.ts';

/** The last line of a pull that worked. */
const PULLED = /^Status: (?:Downloaded newer image|Image is up to date) for /;

/**
 * Has the daemon fetch an image: with its own proxy, name servers and certificates.
 * @throws DockerError
 */
export async function pull(
  socket: EngineSocket,
  source: Reference,
  { credential, onProgress }: TransferOptions,
  signal: AbortSignal,
): Promise<void> {
  const operation = `pull ${formatReference(source)} through the Docker daemon`;
  const answer = await socket.stream({
    method: 'POST',
    path: '/images/create',
    // Without a tag it would pull every tag that there is. A digest is taken in its place.
    query: { fromImage: repositoryOf(source), tag: identifierOf(source) },
    registryAuth: registryAuth(source.host, credential),
    operation,
    signal,
  });
  await follow(answer, operation, (status) => PULLED.test(status), onProgress);
}
