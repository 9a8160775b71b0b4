import type { ObserveRegistry } from '../registry/event.ts';
import type { Logger } from '../telemetry/logger.ts';
import type { Metrics } from '../telemetry/metrics.ts';
import { COUNTS_PULLS } from './registries.ts';

/** Turns what registries tell beside their answers into log lines and metrics. */
export function observeRegistry(log: Logger, metrics: Pick<Metrics, 'pullsRemaining'>): ObserveRegistry {
  return (event) => {
    if (event.type === 'warning') log.warn({ host: event.host, message: event.text }, 'Registry warns');
    else if (event.type === 'unlisted')
      log.warn(
        { backup: `${event.host}/${event.path}:${event.tag}`, digest: event.digest },
        'Cannot list a referrer: its tag holds something else, which is left as it is',
      );
    // Tenants choose source hosts, and each label value is a series for ever: only registries we know are counted.
    else if (COUNTS_PULLS.has(event.host))
      metrics.pullsRemaining.set({ registry: event.host }, event.remaining);
  };
}
