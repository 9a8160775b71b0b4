const tails = new Map<string, Promise<unknown>>();

/**
 * Runs what concerns one path after everything begun before on the same path: two readers-and-writers of a file in this
 * process never overwrite each other. Kept for the whole process, since one directory may be opened more than once.
 */
export async function inTurn<T>(path: string, run: () => Promise<T>): Promise<T> {
  const turn = (tails.get(path) ?? Promise.resolve()).then(run);
  // The next in line does not care how this one ended.
  const tail = turn.catch(() => undefined);
  tails.set(path, tail);
  try {
    return await turn;
  } finally {
    if (tails.get(path) === tail) tails.delete(path);
  }
}
