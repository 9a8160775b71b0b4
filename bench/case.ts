import type { SubjectName } from './subject.ts';

/** One table of the bench. */
export interface Case {
  readonly name: string;
  readonly subject: SubjectName;
  /** Added to each request by a proxy, in milliseconds. 0: there is no proxy, but for a run that only counts. */
  readonly delayMs: number;
  /** Both registries want Bearer tokens; they are asked by proxies. */
  readonly wantsTokens: boolean;
  /** Both registries are reached by TLS. Nothing counts requests then: proxies would have to break it open. */
  readonly speaksTls: boolean;
  /** The copy is there before the copying begins. */
  readonly isPresent: boolean;
  /** Only for tools that copy many images in one process. */
  readonly atOnce: boolean;
}

const PLAIN = { delayMs: 0, wantsTokens: false, speaksTls: false, isPresent: false, atOnce: false } as const;
const FAR = { ...PLAIN, delayMs: 30, wantsTokens: true } as const;
const FARTHER = { ...PLAIN, delayMs: 80, wantsTokens: true } as const;

export const CASES: readonly Case[] = [
  { name: 'small', subject: 'small', ...PLAIN },
  { name: 'small-30', subject: 'small', ...FAR },
  { name: 'small-80', subject: 'small', ...FARTHER },
  { name: 'index', subject: 'index', ...PLAIN },
  { name: 'index-30', subject: 'index', ...FAR },
  { name: 'index-80', subject: 'index', ...FARTHER },
  { name: 'large', subject: 'large', ...PLAIN },
  { name: 'large-tls', subject: 'large', ...PLAIN, speaksTls: true },
  { name: 'large-30', subject: 'large', ...FAR },
  { name: 'large-80', subject: 'large', ...FARTHER },
  { name: 'present', subject: 'index', ...PLAIN, isPresent: true },
  { name: 'present-80', subject: 'index', ...FARTHER, isPresent: true },
  { name: 'family', subject: 'family', ...PLAIN },
  { name: 'crowd', subject: 'crowd', ...PLAIN, atOnce: true },
  { name: 'crowd-tls', subject: 'crowd', ...PLAIN, speaksTls: true, atOnce: true },
];

/** Enough to see that the bench works, in less than a minute. */
export const QUICK: readonly string[] = ['small', 'index-30', 'present'];
