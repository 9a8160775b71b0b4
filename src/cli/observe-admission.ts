import type { AdmissionEvent, ObserveAdmission } from '../admission/event.ts';
import type { LogFields, Logger } from '../telemetry/logger.ts';
import type { Metrics } from '../telemetry/metrics.ts';

type Measures = Pick<Metrics, 'admissionRequests' | 'imagesRewritten' | 'imagesSkipped' | 'defects'>;

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
  if (event.type === 'rewritten') metrics.imagesRewritten.inc();
  if (event.type === 'found' && isUsable(event.state)) metrics.imagesRewritten.inc();
  if (event.type === 'answered') metrics.admissionRequests.inc({ outcome: event.result });
  if (event.type === 'malformed') metrics.admissionRequests.inc({ outcome: 'errored' });
  if (event.type === 'crashed') metrics.defects.inc({ kind: 'review' });
  if (event.type === 'unsafe-patch') metrics.defects.inc({ kind: 'patch' });
}

function isUsable(state: Event<'found'>['state']): boolean {
  return state === 'present' || state === 'copied';
}

function write(log: Logger, event: AdmissionEvent): void {
  switch (event.type) {
    case 'received':
      return log.info(fieldsOf(event), 'Request received');
    case 'ignored':
      return log.debug(fieldsOf(event), 'Request needs nothing');
    case 'skipped':
      return log.debug(fieldsOf(event), 'Image left alone');
    case 'planned':
      return log.debug(fieldsOf(event), 'Copy wanted');
    case 'rewritten':
      return log.info(fieldsOf(event), 'Name of the copy written, by rule');
    case 'warned':
      return log.info(fieldsOf(event), 'Only warned, by rule');
    case 'refused':
      return log.info(fieldsOf(event), 'Image refused, by rule');
    case 'found':
      return writeFound(log, event);
    case 'answered':
      return writeAnswer(log, event);
    case 'malformed':
      return log.warn(fieldsOf(event), 'Request is no admission review');
    case 'unsafe-patch':
      return log.error(fieldsOf(event), 'Patch not sent, it is not safe');
    case 'crashed':
      return log.error(fieldsOf(event), 'Review failed, the request is allowed as it is');
  }
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
