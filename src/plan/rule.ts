import type { Reference } from '../image/reference.ts';
import { globToRegExp } from './glob.ts';
import { imageMatch } from './image-pattern.ts';
import type { Subject, Texts } from './subject.ts';

/** What a rule may ask for. All that is written must hold; of a list, one. Texts are globs. */
export interface RuleMatch {
  readonly namespaces?: readonly string[] | undefined;
  /** `Deployment`, or with its group: `Rollout.argoproj.io`. */
  readonly kinds?: readonly string[] | undefined;
  readonly labels?: Readonly<Record<string, string>> | undefined;
  readonly annotations?: Readonly<Record<string, string>> | undefined;
  readonly serviceAccounts?: readonly string[] | undefined;
  /** Globs of normalised references. */
  readonly images?: readonly string[] | undefined;
}

type RuleAction = 'copy' | 'rewrite-only' | 'skip' | 'deny' | 'warn';

/** A rule as it is written. */
export interface RuleText {
  readonly name?: string | undefined;
  readonly match?: RuleMatch | undefined;
  readonly action: RuleAction;
  /** Of `rewrite-only`: only if the backup registry has it. */
  readonly check?: boolean | undefined;
  /** Of `deny` and `warn`: what the user reads. */
  readonly message?: string | undefined;
}

/** A rule that can be asked. */
export interface Rule {
  readonly name: string;
  readonly action: RuleAction;
  readonly check: boolean;
  readonly message?: string;
  readonly matches: (subject: Subject, image: Reference) => boolean;
}

/** Name of a rule without one: its place in the file. */
export function nameOf({ name }: RuleText, index: number): string {
  return name ?? `rules.${index}`;
}

/** A rule without faults, made ready. */
export function compileRule(text: RuleText, index: number): Rule {
  const { action, check = false, message } = text;
  const conditions = conditionsOf(text.match ?? {});
  return {
    name: nameOf(text, index),
    action,
    check,
    ...(message !== undefined && { message }),
    matches: (subject, image) => conditions.every((condition) => condition(subject, image)),
  };
}

type Condition = (subject: Subject, image: Reference) => boolean;

function conditionsOf(match: RuleMatch): readonly Condition[] {
  const { namespaces, kinds, labels, annotations, serviceAccounts, images } = match;
  return [
    ...when(namespaces, (globs) => byText(globs, ({ namespace }) => [namespace])),
    ...when(kinds, (globs) => byText(globs, kindNames)),
    ...when(serviceAccounts, (globs) => byText(globs, ({ serviceAccount }) => [serviceAccount ?? []].flat())),
    ...when(labels, (globs) => byMap(globs, (subject) => subject.labels)),
    ...when(annotations, (globs) => byMap(globs, (subject) => subject.annotations)),
    ...when(images, byImage),
  ];
}

function when<Given>(given: Given | undefined, condition: (given: Given) => Condition): readonly Condition[] {
  return given === undefined ? [] : [condition(given)];
}

function byText(globs: readonly string[], textsOf: (subject: Subject) => readonly string[]): Condition {
  const expressions = globs.map(globToRegExp);
  return (subject) => textsOf(subject).some((text) => expressions.some((one) => one.test(text)));
}

/** `Deployment.apps` is also called `Deployment`: people write the short name. */
function kindNames({ kinds }: Subject): readonly string[] {
  return kinds.flatMap((kind) => [kind, kind.split('.', 1)[0] ?? '']);
}

/** A value may hold any character, `/` too: `*` means any value. A key that is absent never matches. */
function byMap(globs: Readonly<Record<string, string>>, textsOf: (subject: Subject) => Texts): Condition {
  const wanted = Object.entries(globs).map(([key, glob]) => [key, anyText(glob)] as const);
  return (subject) => {
    const texts = textsOf(subject);
    return wanted.every(([key, expression]) => {
      const text = Object.hasOwn(texts, key) ? texts[key] : undefined;
      return typeof text === 'string' && expression.test(text);
    });
  };
}

function anyText(glob: string): RegExp {
  return globToRegExp(glob.replaceAll(/\*+/g, '**'));
}

function byImage(patterns: readonly string[]): Condition {
  const matches = patterns.map(imageMatch);
  return (_subject, image) => matches.some((one) => one(image));
}
