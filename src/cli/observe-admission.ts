import type { AdmissionEvent, ObserveAdmission } from '../admission/event.ts';
import type { LogFields, Logger } from '../telemetry/logger.ts';
import type { Metrics } from '../telemetry/metrics.ts';

type Measures = Pick<
  Metrics,
  'admissionRequests' | 'imagesRewritten' | 'imagesStranded' | 'imagesSkipped' | 'defects'
>;

type Event<Type extends AdmissionEvent['type']> = Extract<AdmissionEvent, { readonly type: Type }>;

/** Turns what happens to an admission into log lines and metrics. */
export function observeAdmission(log: Logger, metrics: Measures): ObserveAdmission {
  return (event) => {
    measure(metrics, event);
    write(log, event);
  };
}

function measure(metrics: Measures, event: AdmissionEvent): void {
  if (event.type === 'skipped') metrics.imagesSkipped.inc({ reason: event.reason });
  if (event.type === 'patched' && !event.dryRun) metrics.imagesRewritten.inc(event.images);
  if (event.type === 'stranded') metrics.imagesStranded.inc();
  if (event.type === 'answered') metrics.admissionRequests.inc({ outcome: event.result });
  if (event.type === 'malformed') metrics.admissionRequests.inc({ outcome: 'errored' });
  if (event.type === 'crashed') metrics.defects.inc({ kind: 'review' });
  if (event.type === 'unsafe-patch') metrics.defects.inc({ kind: 'patch' });
}

/** Level and message of events that are told the same way whatever they hold. */
const LINES: Readonly<
  Record<
    Exclude<AdmissionEvent['type'], 'found' | 'answered'>,
    readonly ['debug' | 'info' | 'warn' | 'error', string]
  >
> = {
  received: ['info', 'Request received'],
  ignored: ['debug', 'Request needs nothing'],
  skipped: ['debug', 'Image left alone'],
  planned: ['debug', 'Copy wanted'],
  rewritten: ['info', 'Name of the copy written, by rule'],
  warned: ['info', 'Only warned, by rule'],
  refused: ['info', 'Image refused, by rule'],
  malformed: ['warn', 'Request is no admission review'],
  patched: ['debug', 'Images replaced'],
  stranded: ['error', 'Copy failed that the workload is pointed at already'],
  'unsafe-patch': ['error', 'Patch not sent, it is not safe'],
  crashed: ['error', 'Review failed, the request is allowed as it is'],
};

function write(log: Logger, event: AdmissionEvent): void {
  if (event.type === 'found') return writeFound(log, event);
  if (event.type === 'answered') return writeAnswer(log, event);
  const [level, message] = LINES[event.type];
  return log[level](fieldsOf(event), message);
}

function writeFound(log: Logger, event: Event<'found'>): void {
  const fields = fieldsOf(event);
  switch (event.state) {
    case 'present':
      return log.info(fields, 'Copy is there');
    case 'copied':
      return log.info(fields, 'Copy is made');
    case 'pending':
      return log.warn(fields, 'Copy not ready in time, it goes on');
    case 'failed':
      return log.warn(fields, 'Copy not to be had');
    case 'there':
      return log.info(fields, 'Copy is there, nothing is copied');
    case 'absent':
      return log.info(fields, 'Copy is not there, none is made');
  }
}

const ANSWERS = { patched: 'Patch applied', allowed: 'Request allowed', denied: 'Request denied' } as const;

function writeAnswer(log: Logger, event: Event<'answered'>): void {
  log.info(fieldsOf(event), ANSWERS[event.result]);
}

/** Events hold what may be logged and nothing else, by the names that lines have. */
function fieldsOf({ type: _type, ...fields }: AdmissionEvent): LogFields {
  return 'durationMs' in fields ? { ...fields, durationMs: Math.round(fields.durationMs) } : fields;
}
