import { setTimeout as delay } from 'node:timers/promises';
import type { Created } from './proxy.ts';

/** Ten creates a second: several for each connection that a pod on its way out may still hold. */
const EVERY_MS = 100;

/** Creates at a steady pace, however long each takes, until the work is done. @param create makes the one of a number */
export async function createDuring(
  work: Promise<void>,
  create: (number: number) => Promise<Created>,
): Promise<readonly Created[]> {
  const creates: Promise<Created>[] = [];
  const state = { isDone: false };
  const done = work.finally(() => {
    state.isDone = true;
  });
  for (let number = 1; !state.isDone; number += 1) {
    creates.push(create(number));
    await delay(EVERY_MS);
  }
  await done;
  return Promise.all(creates);
}
