import type { CopyEvent, ObserveCopy } from '../copy/event.ts';
import { formatReference } from '../image/reference.ts';
import type { LogFields, Logger } from '../telemetry/logger.ts';
import type { Metrics } from '../telemetry/metrics.ts';

type Measures = Pick<Metrics, 'copies' | 'copyDuration' | 'copyBytes' | 'originsUsed' | 'originFailures'>;

/** Turns the steps of copies into log lines and metrics. */
export function observeCopy(log: Logger, metrics: Measures): ObserveCopy {
  return (event) => {
    measure(metrics, event);
    write(log, event);
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

type Line = readonly [level: 'debug' | 'info' | 'warn' | 'error', message: string];

/** What is said of each step, and how loudly: a node that steps in because a source fails is a warning. */
const LINES: Readonly<Record<CopyEvent['type'], Line>> = {
  started: ['info', 'Pulling image'],
  'blob-done': ['info', 'Layer done'],
  'manifest-pushed': ['debug', 'Manifest pushed'],
  finished: ['info', 'Image pushed'],
  'made-elsewhere': ['info', 'Another replica makes the copy, it is waited for'],
  'source-unavailable': ['warn', 'Source cannot be asked, its copy is used'],
  'refresh-failed': ['warn', 'Newer image cannot be copied, its earlier copy is used'],
  moved: ['warn', 'Image has moved at its source, its earlier copy is used'],
  'referrers-failed': ['warn', 'What refers to the image was not copied'],
  'not-for-everybody': ['info', 'Source does not give it to everybody, the namespace is seen to'],
  'origin-pulled': ['info', 'Image pulled by a daemon'],
  'origin-progress': ['info', 'Layer progress'],
  'origin-used': ['warn', 'Source cannot give the image, it is taken from a node'],
  'origin-failed': ['warn', 'Node cannot give the image'],
  partial: ['warn', 'Node has one platform of the image only, the copy is that one'],
  unfaithful: ['warn', 'Image was made anew by a daemon, its copy has a digest of its own'],
  failed: ['error', 'Copy failed'],
};

function write(log: Logger, event: CopyEvent): void {
  const [level, message] = lineOf(event);
  log[level](fieldsOf(event), message);
}

function lineOf(event: CopyEvent): Line {
  const isWish = event.type === 'origin-used' && event.why === undefined;
  return isWish ? ['info', 'Image taken from a node, as the settings say'] : LINES[event.type];
}

const KEYS = ['origin', 'layer', 'digest', 'index', 'platform', 'bytes', 'pushed', 'durationMs', 'error'];

/** Key of an event → key of its log line. What is in no line is not named. */
const FIELDS: ReadonlyMap<string, string> = new Map([
  ...KEYS.map((key) => [key, key] as const),
  ['status', 'state'],
  ['blobs', 'count'],
  ['why', 'error'],
]);

function fieldsOf({ task: { source, backup }, ...event }: CopyEvent): LogFields {
  const entries = Object.entries(event).flatMap(([key, value]: [string, unknown]) => {
    const field = FIELDS.get(key);
    return field === undefined || isTable(value) ? [] : [[field, rounded(value)] as const];
  });
  return {
    source: formatReference(source),
    backup: formatReference(backup),
    ...Object.fromEntries(entries),
  };
}

/** How many blobs went which way is told by the lines of the blobs. */
function isTable(value: unknown): boolean {
  return typeof value === 'object' && !(value instanceof Error);
}

function rounded(value: unknown): unknown {
  return typeof value === 'number' ? Math.round(value) : value;
}
