import { z } from 'zod';
import { parsePlatform } from '../image/platform.ts';
import { parseReference } from '../image/reference.ts';
import { parseAddress } from './address.ts';

/** What the table of settings, `--help` and every fault say of one key. */
export interface SettingFacts {
  /** What it does, one sentence or two. */
  readonly what: string;
  /** Values that are accepted, to follow "wanted". */
  readonly wanted: string;
  /** The default as people read it, where the value alone does not say it. */
  readonly otherwise?: string;
  /** No environment variable sets it. */
  readonly inFileOnly?: true;
  /** How the text of an environment variable becomes the value that YAML would hold. */
  readonly fromText: (text: string) => unknown;
}

/** Facts by schema. Schemas stay plain zod; nothing else has to know of this. */
export const FACTS = z.registry<SettingFacts>();

type Said = Pick<SettingFacts, 'what' | 'otherwise'>;

/** One of a few words. */
export function choice<const Words extends readonly string[]>(
  words: Words,
  said: Said,
): z.ZodEnum<{ [Word in Words[number]]: Word }> {
  const wanted = `${words.slice(0, -1).join(', ')} or ${words.at(-1)}`;
  return z.enum(words).register(FACTS, { ...said, wanted, fromText: asIs });
}

/** Yes or no; as an environment variable the words `true` and `false`, as in YAML. */
export function flag(said: Said): z.ZodBoolean {
  return z.boolean().register(FACTS, { ...said, wanted: 'true or false', fromText: asFlag });
}

export interface Range {
  readonly least: number;
  readonly most: number;
}

export function seconds({ least, most }: Range, said: Said): z.ZodNumber {
  const wanted = `a number of seconds from ${least} to ${most}`;
  return z
    .number()
    .min(least)
    .max(most)
    .register(FACTS, { ...said, wanted, fromText: asNumber });
}

export function amount({ least, most }: Range, said: Said): z.ZodInt {
  const wanted = `a whole number from ${least} to ${most}`;
  return z
    .int()
    .min(least)
    .max(most)
    .register(FACTS, { ...said, wanted, fromText: asNumber });
}

/** Path of a file or folder. */
export function path(said: Said): z.ZodString {
  const wanted = 'a path';
  return z
    .string()
    .regex(/^[^\0]+$/)
    .register(FACTS, { ...said, wanted, fromText: asIs });
}

/** A name as containerd takes it for its namespaces. */
export function word(said: Said): z.ZodString {
  const wanted = 'letters, digits, ".", "_" or "-", such as "k8s.io"';
  return z
    .string()
    .regex(/^[a-z0-9]+(?:[._-][a-z0-9]+)*$/i)
    .max(LONGEST_WORD)
    .register(FACTS, { ...said, wanted, fromText: asIs });
}

/** containerd's own limit for identifiers (`pkg/identifiers`). */
const LONGEST_WORD = 76;

/** Where to listen: see `parseAddress`. */
export function address(said: Said): z.ZodString {
  const wanted = '":PORT", "HOST:PORT" or "[IPV6]:PORT"';
  return z
    .string()
    .refine((text) => parseAddress(text) !== undefined)
    .register(FACTS, { ...said, wanted, fromText: asIs });
}

/** Where others listen, host and port each; as an environment variable separated by commas. */
export function addresses(said: Said): z.ZodArray<z.ZodString> {
  const wanted = 'a list of addresses, such as "agents.example.com:8443" or "[::1]:8443"';
  return z
    .array(z.string().refine((text) => parseAddress(text)?.host !== undefined))
    .register(FACTS, { ...said, wanted, fromText: asList });
}

/** Registry host with an optional path, without scheme. A slash at the end is dropped. */
export function registryPrefix(said: Said): z.ZodString {
  const wanted = 'a registry host with an optional path, such as "registry.example.com/backup"';
  return z
    .string()
    .overwrite((text) => text.replace(/\/+$/, ''))
    .refine((text) => hostUnder(text) !== undefined)
    .register(FACTS, { ...said, wanted, fromText: asIs });
}

/** Registry hosts, lower-cased as references are; as an environment variable separated by commas. */
export function hosts(said: Said): z.ZodArray<z.ZodString> {
  const wanted = 'a list of registry hosts, such as "registry.example.com" or "localhost:5000"';
  return z
    .array(
      z
        .string()
        .toLowerCase()
        .refine((text) => hostUnder(text) === text),
    )
    .register(FACTS, { ...said, wanted, fromText: asList });
}

/** Registry hosts, or `*.domain` for all below a domain; as an environment variable separated by commas. */
export function hostPatterns(said: Said): z.ZodArray<z.ZodString> {
  const wanted = 'a list of registry hosts or patterns, such as "registry.example.com" or "*.example.com"';
  return z
    .array(z.string().toLowerCase().refine(isHostPattern))
    .register(FACTS, { ...said, wanted, fromText: asList });
}

/** Stands for the platforms of the cluster's nodes, alone. */
export const OF_NODES = 'nodes';

/** Platforms as the OCI image spec writes them, or `nodes`; as an environment variable separated by commas. */
export function platforms(said: Said): z.ZodArray<z.ZodString> {
  const wanted = 'a list of platforms, such as "linux/amd64" or "linux/arm/v7", or of "nodes" alone';
  return z
    .array(z.string().refine((text) => text === OF_NODES || isPlatform(text)))
    .refine((list) => !list.includes(OF_NODES) || list.length === 1)
    .register(FACTS, { ...said, wanted, fromText: asList });
}

/** Registry host of the names below a prefix. @returns undefined when no image name can stand below it */
export function hostUnder(prefix: string): string | undefined {
  try {
    return parseReference(`${prefix}/image`).host;
  } catch {
    return undefined;
  }
}

function isHostPattern(text: string): boolean {
  const host = text.replace(/^\*\./, '');
  return hostUnder(host) === host;
}

function isPlatform(text: string): boolean {
  try {
    parsePlatform(text);
    return true;
  } catch {
    return false;
  }
}

function asIs(text: string): string {
  return text;
}

/** What is no number stays text, so that the fault shows it as it was typed. */
function asNumber(text: string): number | string {
  return /^\d{1,9}(?:\.\d{1,9})?$/.test(text) ? Number(text) : text;
}

function asFlag(text: string): boolean | string {
  return text === 'true' || text === 'false' ? text === 'true' : text;
}

function asList(text: string): string[] {
  return text
    .split(',')
    .map((entry) => entry.trim())
    .filter((entry) => entry !== '');
}
