import type { EventEmitter } from 'node:events';

/** What Kubernetes and a terminal send to end a process. */
const SIGNALS = { SIGTERM: 15, SIGINT: 2 } as const;

/** What a shell reports of a process that a signal ended: 128 and the signal's number. */
const SIGNAL_EXIT = 128;

/**
 * Calls `stop` at the first signal. A second one means that somebody does not want to wait: `leave` is called with the
 * exit code, at once.
 * @param source the process
 */
export function onSignals(
  source: Pick<EventEmitter, 'on'>,
  stop: () => void,
  leave: (exitCode: number) => void,
): void {
  let stopping = false;
  for (const [signal, number] of Object.entries(SIGNALS)) {
    source.on(signal, () => {
      if (stopping) return leave(SIGNAL_EXIT + number);
      stopping = true;
      stop();
    });
  }
}

/**
 * Resolves at the first signal; a second one calls `leave`. To be called before anybody is told that the program runs:
 * without a listener a signal ends it at once.
 */
export function firstSignal(
  source: Pick<EventEmitter, 'on'>,
  leave: (exitCode: number) => void,
): Promise<void> {
  return new Promise((resolve) => onSignals(source, resolve, leave));
}
