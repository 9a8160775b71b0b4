import type { Settings } from '../config/configuration.ts';
import type { Judgement } from '../plan/judgement.ts';
import { describeError } from '../telemetry/error-fields.ts';
import type { Logger } from '../telemetry/logger.ts';
import { readImageMap } from './image-map.ts';
import { readJudgement } from './judgement.ts';

export interface LiveJudgementParts {
  /** The configuration of the start. */
  readonly settings: Settings;
  readonly naming: Judgement['naming'];
  readonly log: Logger;
}

/** What a map says, wherever it is written: a file may change and keep its name. */
const MAP = 'map';

/** What of the settings counts without a restart. The rest belongs to listeners, clients and queues that run. */
const LIVE: ReadonlySet<string> = new Set([
  'rules',
  'workloads',
  'webhook',
  'sources.allow',
  'sources.deny',
  'registry.map',
  'registry.mapFile',
  MAP,
]);

/** The judgement as the configuration last said it without a fault. */
export class LiveJudgement {
  readonly #parts: LiveJudgementParts;
  #current: Judgement;
  /** The configuration as it was last read, in use or not. */
  #seen: ReadonlyMap<string, string>;
  #complaint: string | undefined;

  /** @throws ConfigError */
  constructor(parts: LiveJudgementParts) {
    this.#parts = parts;
    this.#current = { ...readJudgement(parts.settings), naming: parts.naming };
    this.#seen = flat(parts.settings, parts.naming);
  }

  get current(): Judgement {
    return this.#current;
  }

  /** Takes over what a new reading of the configuration says. A bad one changes nothing, and is told once. */
  async refresh(load: () => Promise<Settings>): Promise<void> {
    try {
      const settings = await load();
      this.#adopt(settings, await this.#namingBy(settings));
    } catch (error) {
      const complaint = describeError(error).message;
      if (complaint !== this.#complaint)
        this.#parts.log.error({ error }, 'Configuration not usable, the last good one stays');
      this.#complaint = complaint;
    }
  }

  /** Where copies live stays; where a map leads may change. */
  async #namingBy({ registry }: Settings): Promise<Judgement['naming']> {
    const { naming } = this.#current;
    const map =
      naming.scheme === 'map' && registry.naming === 'map' ? await readImageMap(registry) : undefined;
    return naming.scheme !== 'map' || map === undefined ? naming : { ...naming, map };
  }

  #adopt(settings: Settings, naming: Judgement['naming']): void {
    const now = flat(settings, naming);
    const changed = changesOf(this.#seen, now);
    if (changed.length === 0 && this.#complaint === undefined) return;
    this.#current = { ...readJudgement(settings), naming };
    this.#seen = now;
    this.#complaint = undefined;
    this.#tell(changed);
  }

  #tell(changed: readonly string[]): void {
    const { log } = this.#parts;
    const waiting = changed.filter((key) => !LIVE.has(key));
    log.info({ keys: changed.filter((key) => LIVE.has(key)) }, 'Configuration read again');
    if (waiting.length > 0) log.warn({ keys: waiting }, 'Configuration changed, these keys need a restart');
  }
}

/** Key path → value as text: two levels, which is where keys are. */
function flat(settings: Settings, naming: Judgement['naming']): ReadonlyMap<string, string> {
  const entries = Object.entries(settings).flatMap(([section, value]: [string, unknown]) =>
    LIVE.has(section) || typeof value !== 'object' || value === null
      ? [[section, JSON.stringify(value)] as const]
      : Object.entries(value).map(([key, inner]) => [`${section}.${key}`, JSON.stringify(inner)] as const),
  );
  return new Map([...entries, ...(naming.scheme === 'map' ? [[MAP, naming.map.text] as const] : [])]);
}

function changesOf(before: ReadonlyMap<string, string>, now: ReadonlyMap<string, string>): readonly string[] {
  const keys = new Set([...before.keys(), ...now.keys()]);
  return [...keys].filter((key) => before.get(key) !== now.get(key));
}
