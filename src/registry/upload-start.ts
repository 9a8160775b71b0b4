import { RegistryError } from './registry-error.ts';
import { cancel, isThere, mount, type Sending, type Session, startSession } from './upload-session.ts';

export interface Beginning extends Sending {
  /** A repository of this registry that is known to hold the blob, itself or another. */
  readonly mountFrom: string | undefined;
}

/** Finds a blob that is there or next door, with as few requests as the registry makes possible, or opens a session. */
export async function beginUpload(beginning: Beginning): Promise<Session | 'mounted' | 'present'> {
  return (
    (await mountFromNextDoor(beginning)) ??
    (await mountFromItself(beginning)) ??
    (await lookAndStart(beginning))
  );
}

async function mountFromNextDoor(beginning: Beginning): Promise<Session | 'mounted' | undefined> {
  const { client, audience, mountFrom } = beginning;
  const traits = client.traits(audience.host);
  if (mountFrom === undefined || mountFrom === audience.path || traits.get().crossMount === false)
    return undefined;
  const mounted = await mount(beginning, mountFrom);
  if (!(mounted instanceof RegistryError)) return mounted;
  if (isLasting(mounted)) traits.learn({ crossMount: false });
  return undefined;
}

/**
 * A mount from the repository into itself answers 201 for a blob that is there and opens a session for one that is not:
 * one request in the place of HEAD and POST. Registries that open a session for what they have are found out and asked
 * by HEAD from then on.
 */
async function mountFromItself(beginning: Beginning): Promise<Session | 'present' | undefined> {
  const { client, audience, mountFrom } = beginning;
  const traits = client.traits(audience.host);
  if (traits.get().selfMount === false) return undefined;
  const mounted = await mount(beginning, audience.path);
  if (mounted === 'mounted') {
    traits.learn({ selfMount: true });
    return 'present';
  }
  if (mounted instanceof RegistryError) {
    if (isLasting(mounted)) traits.learn({ selfMount: false });
    return undefined;
  }
  // Only where it is known to be there, a session says something of the registry. A failed look says nothing.
  if (mountFrom !== audience.path || !(await isThere(beginning).catch(() => false))) return mounted;
  traits.learn({ selfMount: false });
  await cancel(beginning, mounted);
  return 'present';
}

/** Says of a refused mount that the next one will not fare better. */
function isLasting({ code }: RegistryError): boolean {
  return code === 'REFUSED' || code === 'UNAUTHORIZED' || code === 'DENIED';
}

async function lookAndStart(beginning: Beginning): Promise<Session | 'present'> {
  return (await isThere(beginning)) ? 'present' : startSession(beginning);
}
