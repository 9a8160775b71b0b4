import { type Counter, collectDefaultMetrics, type Gauge, type Histogram, Registry } from 'prom-client';
import { counter, gauge, gaugeOf, histogram, labelledCounter, labelledGauge } from './instrument.ts';

/** What became of an admission request: the four answers there are, and `refused` before it was read (busy, too large). */
const ADMISSION_OUTCOMES = ['allowed', 'patched', 'denied', 'errored', 'refused'] as const;
const COPY_RESULTS = ['copied', 'failed'] as const;
const RELOAD_RESULTS = ['reloaded', 'failed'] as const;
/** A review that threw, a patch not safe to send, and what no code of ours caught. */
const DEFECT_KINDS = ['review', 'patch', 'exception', 'rejection'] as const;

/** From a rewrite that is known already (milliseconds) to the longest wait an API server grants (30 s). */
const ADMISSION_SECONDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 15, 30];
/** From one small manifest to the hour after which a copy is given up by default. */
const COPY_SECONDS = [0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 900, 3600];

/**
 * Every measure of the program. Names follow Prometheus: one prefix, base units, few label values known beforehand.
 * No label ever holds an image, a pod or a uid: tenants choose those, and each value is a series for ever.
 */
export interface Metrics {
  readonly admissionRequests: Counter<'outcome'>;
  readonly admissionDuration: Histogram;
  readonly admissionInFlight: Gauge;
  readonly imagesRewritten: Counter;
  /** Only with `copy.onPending: rewrite`. */
  readonly imagesStranded: Counter;
  readonly imagesSkipped: Counter<'reason'>;
  readonly copies: Counter<'result'>;
  readonly copyDuration: Histogram;
  readonly copyBytes: Counter;
  /** Images that a node gave in the place of their source. */
  readonly originsUsed: Counter<'origin'>;
  readonly originFailures: Counter<'origin'>;
  /** What a registry that counts pulls says is left of them. */
  readonly pullsRemaining: Gauge<'registry'>;
  readonly certificateExpiry: Gauge;
  readonly certificateReloads: Counter<'result'>;
  /** Faults of the program itself, which it survived. */
  readonly defects: Counter<'kind'>;
  /** Says where the number of copies under way is read from, at each rendering. */
  readonly watchCopies: (read: () => number) => void;
  /** The text a Prometheus server reads, with its content type. */
  render(): Promise<{ readonly contentType: string; readonly body: string }>;
}

export interface MetricsOptions {
  readonly version: string;
}

/** A registry of its own a call, never the library's global one: two of them in one process must not meet. */
export function createMetrics({ version }: MetricsOptions): Metrics {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  // Prometheus' convention for what cannot be a number: a gauge of 1 with the facts as labels.
  labelledGauge(registry, { name: 'build_info', help: 'Which image-cloner runs, on which Node.js' }, [
    'version',
    'node',
  ]).set({ version, node: process.version }, 1);
  return {
    ...admissionMetrics(registry),
    ...copyMetrics(registry),
    ...processMetrics(registry),
    render: async () => ({ contentType: registry.contentType, body: await registry.metrics() }),
  };
}

function admissionMetrics(registry: Registry) {
  return {
    admissionRequests: labelledCounter(
      registry,
      { name: 'admission_requests_total', help: 'Admission requests answered' },
      'outcome',
      ADMISSION_OUTCOMES,
    ),
    admissionDuration: histogram(
      registry,
      { name: 'admission_duration_seconds', help: 'Time from an admission request to its answer' },
      ADMISSION_SECONDS,
    ),
    admissionInFlight: gauge(registry, {
      name: 'admission_in_flight',
      help: 'Admission requests being answered',
    }),
    imagesRewritten: counter(registry, {
      name: 'images_rewritten_total',
      help: 'Images of containers replaced by their copy in a patch that was sent, dry runs left out',
    }),
    imagesStranded: counter(registry, {
      name: 'images_stranded_total',
      help: 'Images pointed at a copy under way that failed afterwards',
    }),
    imagesSkipped: labelledCounter(
      registry,
      { name: 'images_skipped_total', help: 'Images left as they were' },
      'reason',
      // Reasons belong to the rooms that judge and appear as they occur; there are a handful.
      [],
    ),
  };
}

function copyMetrics(registry: Registry) {
  return {
    copies: labelledCounter(registry, { name: 'copies_total', help: 'Copies ended' }, 'result', COPY_RESULTS),
    copyDuration: histogram(
      registry,
      { name: 'copy_duration_seconds', help: 'Time a copy took, the wait for its turn included' },
      COPY_SECONDS,
    ),
    copyBytes: counter(registry, { name: 'copy_bytes_total', help: 'Bytes sent to the backup registry' }),
    originsUsed: labelledCounter(
      registry,
      {
        name: 'copies_from_nodes_total',
        help: 'Copies begun from what a node holds, for want of the source',
      },
      'origin',
      // docker, containerd, agents: those that are configured.
      [],
    ),
    originFailures: labelledCounter(
      registry,
      { name: 'node_failures_total', help: 'Times that a node could not be asked or give what it holds' },
      'origin',
      [],
    ),
    pullsRemaining: labelledGauge(
      registry,
      { name: 'source_pulls_remaining', help: 'Pulls left before a registry that counts them refuses' },
      ['registry'],
    ),
    watchCopies: (read: () => number) =>
      gaugeOf(registry, { name: 'copies_in_progress', help: 'Copies under way' }, read),
  };
}

function processMetrics(registry: Registry) {
  return {
    certificateExpiry: gauge(registry, {
      name: 'certificate_expiry_timestamp_seconds',
      help: 'End of validity of the certificate being served, Unix time',
    }),
    certificateReloads: labelledCounter(
      registry,
      { name: 'certificate_reloads_total', help: 'Certificates found changed on disk' },
      'result',
      RELOAD_RESULTS,
    ),
    defects: labelledCounter(
      registry,
      { name: 'defects_total', help: 'Errors of image-cloner itself that it survived' },
      'kind',
      DEFECT_KINDS,
    ),
  };
}
