import { readReference } from '../image/reference.ts';
import type { MapFault, ReadMap } from './image-map.ts';
import { swapGlobToRegExp } from './swap-glob.ts';
import { swapMap } from './swap-map.ts';

/** What an ImageSwap map file says. A target that is empty keeps images as they are. */
export interface SwapLines {
  /** Image as it is written → image. */
  readonly exact: ReadonlyMap<string, string>;
  /** The first that matches counts. */
  readonly replace: readonly { readonly pattern: RegExp; readonly target: string }[];
  /** Registry, `registry/library` or `default` → where its images go. */
  readonly registries: ReadonlyMap<string, string>;
  /** Parts of names that keep images of registries without a line as they are. */
  readonly kept: readonly string[];
}

interface Line {
  /** From 1. */
  readonly number: number;
  readonly key: string;
  readonly value: string;
}

const EXACT = '[EXACT]';
const REPLACE = '[REPLACE]';
const KEPT = 'noswap_wildcards';

/**
 * Reads an ImageSwap map file as it is. What ImageSwap passes over with a warning is a fault here, and so is a file that
 * would swap nothing.
 */
export function readSwapFile(text: string): ReadMap {
  const read = text.split('\n').flatMap((line, index) => readLine(line, index + 1));
  const lines = read.filter((line) => 'key' in line);
  const faults = [
    ...read.filter((line) => 'at' in line),
    ...lines.flatMap(targetFault),
    ...twice(lines),
    ...withoutDefault(lines),
  ];
  return faults.length > 0 ? { ok: false, faults } : { ok: true, map: { ...swapMap(sorted(lines)), text } };
}

/** `#` begins a comment, wherever it stands; spaces mean nothing. */
function readLine(text: string, number: number): readonly (Line | MapFault)[] {
  const line = text.replace(/#.*$/s, '').replaceAll(/\s/g, '');
  if (line === '') return [];
  const parts = line.split(line.includes('::') ? '::' : ':');
  const [key = '', value = ''] = parts;
  if (parts.length === 2 && key.replace(/^\[[A-Z]+\]/, '') !== '') return [{ number, key, value }];
  const what = `got ${JSON.stringify(line)}, wanted "key::value", with "::" where a port or a tag has a ":"`;
  return [{ at: `line ${number}`, what }];
}

/** With what is put behind a target it has to be an image. */
function targetFault({ number, key, value }: Line): readonly MapFault[] {
  if (value === '' || key === KEPT) return [];
  const image = key.startsWith(EXACT) ? value : `${value.replace(/[/-]$/, '')}/a/a`;
  if (readReference(image) !== undefined) return [];
  const wanted = key.startsWith(EXACT) ? 'an image' : 'a registry with an optional path';
  return [{ at: `line ${number}`, what: `got ${JSON.stringify(value)}, wanted ${wanted}` }];
}

function twice(lines: readonly Line[]): readonly MapFault[] {
  const first = new Map<string, Line>();
  return lines.flatMap((line) => {
    const before = first.get(line.key);
    if (before === undefined) first.set(line.key, line);
    if (before === undefined || before.value === line.value) return [];
    return [{ at: `line ${line.number}`, what: `got ${line.key} again, which line ${before.number} maps` }];
  });
}

function withoutDefault(lines: readonly Line[]): readonly MapFault[] {
  return lines.some(({ key }) => key === 'default')
    ? []
    : [
        {
          at: 'default',
          what: 'got nothing, wanted "default::" with the registry for all others, or with nothing',
        },
      ];
}

function sorted(lines: readonly Line[]): SwapLines {
  return {
    exact: new Map(below(EXACT, lines)),
    replace: below(REPLACE, lines).map(([glob, target]) => ({ pattern: swapGlobToRegExp(glob), target })),
    registries: new Map(
      lines
        .filter(({ key }) => key !== KEPT && !key.startsWith('['))
        .map(({ key, value }) => [key, value] as const),
    ),
    kept: lines
      .filter(({ key }) => key === KEPT)
      .flatMap(({ value }) => value.split(','))
      .filter((word) => word !== ''),
  };
}

function below(keyword: string, lines: readonly Line[]): readonly (readonly [string, string])[] {
  return lines
    .filter(({ key }) => key.startsWith(keyword))
    .map(({ key, value }) => [key.slice(keyword.length), value] as const);
}
