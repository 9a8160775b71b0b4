import type { CopyEvent, ObserveCopy } from '../copy/event.ts';
import { formatReference } from '../image/reference.ts';
import type { LogFields, Logger } from '../telemetry/logger.ts';
import type { Metrics } from '../telemetry/metrics.ts';

type Measures = Pick<Metrics, 'copies' | 'copyDuration' | 'copyBytes' | 'originsUsed' | 'originFailures'>;

/** Turns the steps of copies into log lines and metrics. */
export function observeCopy(log: Logger, metrics: Measures): ObserveCopy {
  return (event) => {
    measure(metrics, event);
    if ('origin' in event) writeOrigin(log, event);
    else write(log, event);
  };
}

function measure(metrics: Measures, event: CopyEvent): void {
  if (event.type === 'blob-done' && event.pushed === 'pushed') metrics.copyBytes.inc(event.bytes);
  if (event.type === 'origin-used') metrics.originsUsed.inc({ origin: event.origin });
  if (event.type === 'origin-failed') metrics.originFailures.inc({ origin: event.origin });
  if (event.type === 'failed') metrics.copies.inc({ result: 'failed' });
  if (event.type === 'finished') {
    metrics.copies.inc({ result: 'copied' });
    metrics.copyDuration.observe(event.durationMs / 1000);
  }
}

type OriginEvent = Extract<CopyEvent, { readonly origin: string }>;

/** Level and message of events that are told the same way whatever they hold. */
const LINES = {
  'manifest-pushed': ['debug', 'Manifest pushed'],
  finished: ['info', 'Image pushed'],
  'source-unavailable': ['warn', 'Source cannot be asked, its copy is used'],
  'refresh-failed': ['warn', 'Newer image cannot be copied, its earlier copy is used'],
  moved: ['warn', 'Image has moved at its source, its earlier copy is used'],
  'referrers-failed': ['warn', 'What refers to the image was not copied'],
  'not-for-everybody': ['info', 'Source does not give it to everybody, the namespace is seen to'],
  failed: ['error', 'Copy failed'],
} as const;

function write(log: Logger, event: Exclude<CopyEvent, OriginEvent>): void {
  const fields = fieldsOf(event);
  if (event.type === 'started') return log.info({ ...fields, count: event.blobs }, 'Pulling image');
  if (event.type === 'blob-done') return log.info({ ...fields, pushed: event.pushed }, 'Layer done');
  const [level, message] = LINES[event.type];
  return log[level](fields, message);
}

/** What nodes gave or could not give. */
function writeOrigin(log: Logger, event: OriginEvent): void {
  const fields = fieldsOf(event);
  switch (event.type) {
    case 'origin-pulled':
      return log.info(fields, 'Image pulled by a daemon');
    case 'origin-used':
      return event.why === undefined
        ? log.info(fields, 'Image taken from a node, as the settings say')
        : log.warn({ ...fields, error: event.why }, 'Source cannot give the image, it is taken from a node');
    case 'origin-failed':
      return log.warn(fields, 'Node cannot give the image');
    case 'partial': {
      const { index, platform } = event;
      const part = { ...fields, index, ...(platform !== undefined && { platform }) };
      return log.warn(part, 'Node has one platform of the image only, the copy is that one');
    }
    case 'unfaithful':
      return log.warn(fields, 'Image was made anew by a daemon, its copy has a digest of its own');
  }
}

/** The keys that log lines have, as far as the event has them. */
function fieldsOf({ task, ...event }: CopyEvent): LogFields {
  const { source, backup } = task;
  return {
    source: formatReference(source),
    backup: formatReference(backup),
    ...('origin' in event && { origin: event.origin }),
    ...('digest' in event && { digest: event.digest }),
    ...('bytes' in event && { bytes: event.bytes }),
    ...('durationMs' in event && { durationMs: Math.round(event.durationMs) }),
    ...('error' in event && { error: event.error }),
  };
}
