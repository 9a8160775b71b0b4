/** For a promise that is started ahead of time: when nobody awaits it in the end, its failure is nobody's concern. */
export function handled<T>(promise: Promise<T>): Promise<T> {
  promise.catch(() => undefined);
  return promise;
}

/** Resolves when `signal` aborts. */
export function onAbort(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
}

/** Rejects with the signal's reason when it aborts. */
export async function rejectOnAbort(signal: AbortSignal): Promise<never> {
  await onAbort(signal);
  throw signal.reason;
}
