import { ConfigError, type Fault } from '../config/config-error.ts';
import type { Settings } from '../config/configuration.ts';
import type { Judgement } from '../plan/judgement.ts';
import { compileRules } from '../plan/rules.ts';
import { type JsonPath, parseJsonPath } from '../workload/json-path.ts';
import { BUILT_IN_KINDS, type Kinds, type Place } from '../workload/kinds.ts';

/** The settings that decide what becomes of an image. They may change while the program runs. */
export type JudgementSettings = Pick<Settings, 'rules' | 'workloads' | 'webhook' | 'sources'>;

/**
 * Makes rules and kinds ready. Where copies live does not belong to it: that never changes while the program runs.
 * @throws ConfigError with every fault at once
 */
export function readJudgement(settings: JudgementSettings): Omit<Judgement, 'naming'> {
  const { rules, workloads, webhook, sources } = settings;
  const compiled = compileRules(rules);
  const read = workloads.map((workload, index) => readPlace(workload, index));
  const faults = [
    ...(compiled.ok ? [] : compiled.faults),
    ...read.flatMap((place) => ('fault' in place ? [place.fault] : [])),
    ...knownTwice(workloads),
  ];
  if (!compiled.ok || faults.length > 0) throw new ConfigError(faults);
  const places = read.flatMap((place) => ('kind' in place ? [[place.kind, place.place] as const] : []));
  const kinds: Kinds = new Map([...BUILT_IN_KINDS, ...places]);
  const { allow, deny } = sources;
  return { enabled: webhook.enabled, rules: compiled.rules, kinds, sources: { allow, deny } };
}

type Workload = Settings['workloads'][number];
type Read = { readonly kind: string; readonly place: Place } | { readonly fault: Fault };

function readPlace({ kind, podSpec, image }: Workload, index: number): Read {
  const at = `workloads.${index}`;
  if (podSpec !== undefined && image === undefined) {
    const names = namesOf(parseJsonPath(podSpec));
    return names === undefined
      ? badPath(`${at}.podSpec`, podSpec, POD_SPEC)
      : { kind, place: { podSpec: names } };
  }
  if (image !== undefined && podSpec === undefined) {
    const path = parseJsonPath(image);
    return path === undefined ? badPath(`${at}.image`, image, IMAGE) : { kind, place: { image: path } };
  }
  return { fault: { at, what: 'wanted either podSpec or image' } };
}

const POD_SPEC = '".spec.template.spec"';
const IMAGE = '".spec.imageName" or ".spec.steps[*].image"';

/** A pod spec is one place: containers of several could not be told apart by their names. */
function namesOf(path: JsonPath | undefined): readonly string[] | undefined {
  return path?.every((step) => typeof step === 'string') ? path : undefined;
}

function badPath(at: string, text: string, wanted: string): Read {
  return { fault: { at, what: `got ${JSON.stringify(text)}, wanted a JSONPath such as ${wanted}` } };
}

function knownTwice(workloads: readonly Workload[]): readonly Fault[] {
  return workloads.flatMap(({ kind }, index) => {
    const isKnown = BUILT_IN_KINDS.has(kind) || workloads.slice(0, index).some((one) => one.kind === kind);
    return isKnown ? [{ at: `workloads.${index}.kind`, what: `got "${kind}", which is known already` }] : [];
  });
}
