import { Counter, Gauge, Histogram, type Registry } from 'prom-client';

/** Name without the program's prefix, and the sentence that `/metrics` shows above the values. */
export interface Naming {
  readonly name: string;
  readonly help: string;
}

const PREFIX = 'image_cloner_';

export function counter(registry: Registry, naming: Naming): Counter {
  return new Counter({ ...prefixed(naming), registers: [registry] });
}

/** Values known beforehand start at 0, or a rate over the first event would see nothing. */
export function labelledCounter<Label extends string>(
  registry: Registry,
  naming: Naming,
  label: Label,
  values: readonly string[],
): Counter<Label> {
  const made = new Counter<Label>({ ...prefixed(naming), labelNames: [label], registers: [registry] });
  for (const value of values) made.labels(value).inc(0);
  return made;
}

export function gauge(registry: Registry, naming: Naming): Gauge {
  return labelledGauge(registry, naming, []);
}

/** A gauge that is read at each rendering. */
export function gaugeOf(registry: Registry, naming: Naming, read: () => number): void {
  const made: Gauge = new Gauge({
    ...prefixed(naming),
    registers: [registry],
    collect: () => made.set(read()),
  });
}

export function labelledGauge<Label extends string>(
  registry: Registry,
  naming: Naming,
  labels: readonly Label[],
): Gauge<Label> {
  return new Gauge<Label>({ ...prefixed(naming), labelNames: [...labels], registers: [registry] });
}

/** @param buckets upper bounds, ascending, in the unit that the name ends in */
export function histogram(registry: Registry, naming: Naming, buckets: readonly number[]): Histogram {
  return new Histogram({ ...prefixed(naming), buckets: [...buckets], registers: [registry] });
}

function prefixed({ name, help }: Naming): Naming {
  return { name: PREFIX + name, help };
}
