import { resolve } from 'node:path';
import { ConfigError } from '../config-error.ts';
import { parseManifests } from '../file.ts';
import { hostUnder } from '../setting.ts';
import { startedBy } from './container-environment.ts';
import type { Migration } from './migration.ts';

/** What ImageSwap reads where nothing else is said. */
const MAPS_FILE = '/app/maps/imageswap-maps.conf';
const DISABLE_LABEL = 'k8s.twr.io/imageswap';

const LEVELS: ReadonlyMap<string, string> = new Map([
  ['DEBUG', 'debug'],
  ['WARNING', 'warn'],
  ['ERROR', 'error'],
  ['CRITICAL', 'error'],
]);

/** A line of a map: a registry, a keyword or a pattern, and one colon or two. No manifest has `default:` at its top. */
const DEFAULT_LINE = /^[ \t]*default[ \t]*::?(?<target>[^#\n]*)/m;
const ANY_TARGET = /^(?![ \t]*(?:#|noswap_wildcards|\[))[^#:\n]+(?::\d+)?::?[ \t]*(?<target>[^\s#:][^\s#]*)/m;

/**
 * ImageSwap's map file, or manifests with its variables (a ConfigMap, its Deployment): `IMAGESWAP_MODE`, `IMAGE_PREFIX`,
 * `IMAGESWAP_MAPS_FILE`, `IMAGESWAP_DISABLE_LABEL`, `IMAGESWAP_LOG_LEVEL`. It copies nothing: others fill what it names.
 * @throws ConfigError
 */
export async function fromImageSwap(text: string, where: string): Promise<Migration> {
  if (DEFAULT_LINE.test(text) && !/^kind:/m.test(text))
    return migration(byMap(text, resolve(where), where), new Map());
  const { variables } = startedBy(await parseManifests(text, where));
  const isLegacy = variables.get('IMAGESWAP_MODE')?.toUpperCase() === 'LEGACY';
  return migration(isLegacy ? byPrefix(variables, where) : byMapOf(variables, where), variables);
}

type Registry = Readonly<Record<'prefix' | 'naming', string>> & { readonly mapFile?: string };
type Variables = ReadonlyMap<string, string>;

function migration(registry: Registry, variables: Variables): Migration {
  const label = variables.get('IMAGESWAP_DISABLE_LABEL') ?? DISABLE_LABEL;
  const level = LEVELS.get(variables.get('IMAGESWAP_LOG_LEVEL')?.toUpperCase() ?? '');
  return {
    settings: {
      registry,
      rules: [
        { name: 'imageswap-disabled', match: { labels: { [label]: 'disabled' } }, action: 'skip' },
        { name: 'as-imageswap', action: 'rewrite-only' },
      ],
      ...(level !== undefined && { log: { level } }),
    },
    notes: [
      'As ImageSwap this copies nothing. Without the rule as-imageswap images are copied to where they lead, if that is below registry.prefix.',
      ...(registry.mapFile === undefined
        ? [
            'Where two sources have the same last component their copies would have one name: the second is refused, and told.',
          ]
        : [
            `Mount the map file, and name the place in registry.mapFile; a change of it counts within seconds.`,
          ]),
      `Namespaces opt in by image-cloner=enabled, not by ${DISABLE_LABEL}=enabled: change the namespaceSelector of deploy/image-cloner-webhook.yaml.template to keep the label.`,
    ],
  };
}

/** LEGACY: the last component behind one prefix. */
function byPrefix(variables: Variables, where: string): Registry {
  const prefix = variables.get('IMAGE_PREFIX') ?? '';
  if (hostUnder(prefix.replace(/\/$/, '')) !== undefined && !prefix.endsWith('-'))
    return { prefix: prefix.replace(/\/$/, ''), naming: 'basename' };
  const what = prefix.endsWith('-')
    ? `got "${prefix}", wanted a map file in its place, with the line "default::${prefix}"`
    : `got "${prefix}", wanted a registry with an optional path`;
  throw new ConfigError([{ at: `${where}: IMAGE_PREFIX`, what }]);
}

/** The map may stand beside the variables, as the data of a ConfigMap. */
function byMapOf(variables: Variables, where: string): Registry {
  const text = [...variables.values()].find((value) => DEFAULT_LINE.test(value));
  if (text !== undefined) return byMap(text, variables.get('IMAGESWAP_MAPS_FILE') ?? MAPS_FILE, where);
  const what =
    'got no map, wanted a map file or the ConfigMap that holds it, or IMAGESWAP_MODE LEGACY with IMAGE_PREFIX';
  throw new ConfigError([{ at: where, what }]);
}

/** Where most images lead is taken for the backup registry. */
function byMap(text: string, mapFile: string, where: string): Registry {
  const main = DEFAULT_LINE.exec(text)?.groups?.['target']?.trim();
  const target = main || (ANY_TARGET.exec(text)?.groups?.['target'] ?? '');
  const prefix = target.endsWith('-') ? target.slice(0, target.lastIndexOf('/')) : target.replace(/\/$/, '');
  if (hostUnder(prefix) !== undefined) return { prefix, naming: 'map', mapFile };
  const what = `got "${target}", wanted a registry with an optional path in the first line with one`;
  throw new ConfigError([{ at: `${where}: default`, what }]);
}
