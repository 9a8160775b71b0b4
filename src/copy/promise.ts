/** For a promise that is started ahead of time: when nobody awaits it in the end, its failure is nobody's concern. */
export function handled<T>(promise: Promise<T>): Promise<T> {
  promise.catch(() => undefined);
  return promise;
}

/** For work that goes on for others: rejects with the signal's reason as soon as it aborts. */
export async function unlessAborted<T>(signal: AbortSignal, work: Promise<T>): Promise<T> {
  const { promise: aborted, reject } = Promise.withResolvers<never>();
  function stop(): void {
    reject(signal.reason);
  }
  if (signal.aborted) stop();
  signal.addEventListener('abort', stop, { once: true });
  try {
    return await Promise.race([work, aborted]);
  } finally {
    signal.removeEventListener('abort', stop);
  }
}

/** @returns undefined when the work takes longer; it goes on */
export async function within<T>(milliseconds: number, work: Promise<T>): Promise<T | undefined> {
  const { promise: late, resolve } = Promise.withResolvers<undefined>();
  const timer = setTimeout(resolve, milliseconds, undefined);
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** Waits. @throws the signal's reason as soon as it aborts */
export async function pause(milliseconds: number, signal: AbortSignal): Promise<void> {
  await unlessAborted(signal, within(milliseconds, new Promise(() => undefined)));
}
