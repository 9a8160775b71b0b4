import type { ObserveCredentials } from '../credentials/event.ts';
import type { Logger } from '../telemetry/logger.ts';

/** Turns what an operator should know of credentials into log lines. */
export function observeCredentials(log: Logger): ObserveCredentials {
  return ({ type, error }) => {
    const message =
      type === 'kept' ? 'Credentials cannot be read anew, those before are used' : 'Credentials passed over';
    log.warn({ error }, message);
  };
}
