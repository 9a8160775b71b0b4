import type { Key } from './key.ts';
import { KEYS } from './key.ts';
import type { Environment } from './process-environment.ts';

/** Names the configuration file where no `--config` does. */
export const CONFIG_VARIABLE = 'IMAGE_CLONER_CONFIG';

/** A key that a variable sets. */
export interface Setting {
  readonly key: Key;
  readonly value: unknown;
}

/**
 * The keys that variables set. An empty variable sets nothing: manifests write `value: ""` for "not used". Variables
 * we do not know belong to somebody else (Kubernetes adds some for every Service) and are left alone.
 */
export function settingsIn(environment: Environment): Setting[] {
  return KEYS.flatMap((key) => {
    const text = (key.variable && environment[key.variable]?.trim()) || '';
    return text === '' ? [] : [{ key, value: key.fromText(text) }];
  });
}
