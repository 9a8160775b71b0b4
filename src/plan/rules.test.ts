import { describe, expect, it } from 'vitest';
import { parseReference } from '../image/reference.ts';
import type { RuleMatch, RuleText } from './rule.ts';
import { compileRules } from './rules.ts';
import type { Subject } from './subject.ts';

const SUBJECT: Subject = {
  namespace: 'team-a',
  kinds: ['Pod', 'ReplicaSet.apps', 'Deployment.apps'],
  labels: { app: 'web', 'example.com/tier': 'front/end', odd: 5 },
  annotations: { note: 'a/b c' },
  serviceAccount: 'build',
};
const IMAGE = parseReference('alpine:3.12');

function matches(match: RuleMatch, subject = SUBJECT): boolean | undefined {
  const rules = compileRules([{ match, action: 'skip' }]);
  if (!rules.ok) throw new Error(JSON.stringify(rules.faults));
  return rules.rules[0]?.matches(subject, IMAGE);
}

function faults(...texts: readonly RuleText[]): readonly string[] {
  const rules = compileRules(texts);
  return rules.ok ? [] : rules.faults.map(({ at, what }) => `${at}: ${what}`);
}

describe('a rule matches', () => {
  it.each<[RuleMatch, boolean]>([
    [{}, true],
    [{ namespaces: ['team-a'] }, true],
    [{ namespaces: ['team-*'] }, true],
    [{ namespaces: ['x', 'team-?'] }, true],
    [{ namespaces: ['team'] }, false],
    [{ kinds: ['Pod'] }, true],
    [{ kinds: ['Deployment'] }, true],
    [{ kinds: ['Deployment.apps'] }, true],
    [{ kinds: ['*.apps'] }, true],
    [{ kinds: ['deployment'] }, false],
    [{ kinds: ['StatefulSet'] }, false],
    [{ labels: { app: 'web' } }, true],
    [{ labels: { app: '*' } }, true],
    [{ labels: { app: 'w*', 'example.com/tier': '*' } }, true],
    [{ labels: { app: 'api' } }, false],
    [{ labels: { app: 'web', other: '*' } }, false],
    [{ labels: { odd: '*' } }, false],
    [{ labels: { constructor: '*' } }, false],
    [{ annotations: { note: '*' } }, true],
    [{ annotations: { note: 'a' } }, false],
    [{ serviceAccounts: ['build'] }, true],
    [{ serviceAccounts: ['default'] }, false],
    [{ images: ['docker.io/library/*'] }, true],
    [{ images: ['quay.io/**', 'docker.io/library/alpine:3.*'] }, true],
    [{ images: ['quay.io/**'] }, false],
    [{ namespaces: ['team-a'], kinds: ['Job'] }, false],
    [{ namespaces: ['team-a'], kinds: ['Pod'], images: ['**:3.12'], serviceAccounts: ['b*'] }, true],
    [{ namespaces: undefined, kinds: ['Pod'] }, true],
  ])('with %j: %s', (match, expected) => {
    expect(matches(match)).toBe(expected);
  });

  it('never by a service account where there is none', () => {
    const { serviceAccount: _account, ...subject } = SUBJECT;
    expect(matches({ serviceAccounts: ['*'] }, subject)).toBe(false);
  });
});

describe('rules are refused', () => {
  it.each<[string, readonly RuleText[], readonly string[]]>([
    [
      'with patterns that match nothing',
      [{ match: { images: ['docker.io/**', 'alpine'] }, action: 'skip' }],
      [
        'rules.0.match.images.1: got "alpine", wanted the registry host first, such as "docker.io/library/alpine"',
      ],
    ],
    [
      'with conditions that match nothing',
      [{ match: { namespaces: [], labels: {} }, action: 'skip' }],
      [
        'rules.0.match.namespaces: got nothing, wanted at least one, or the key left out to match all',
        'rules.0.match.labels: got nothing, wanted at least one, or the key left out to match all',
      ],
    ],
    [
      'that check what is copied',
      [{ action: 'copy', check: true }],
      ['rules.0.check: belongs to action rewrite-only, not to copy'],
    ],
    [
      'with a message that nobody reads',
      [{ action: 'skip', message: 'no' }],
      ['rules.0.message: belongs to the actions deny and warn, not to skip'],
    ],
    [
      'behind one that matches everything',
      [
        { name: 'all', action: 'copy' },
        { match: { kinds: ['Pod'] }, action: 'skip' },
      ],
      ['rules.1: is never reached: all matches all that it matches'],
    ],
    [
      'that contradict each other',
      [
        { match: { kinds: ['Pod'], namespaces: ['a'] }, action: 'copy' },
        { match: { namespaces: ['a'], kinds: ['Pod'] }, action: 'deny' },
      ],
      ['rules.1: is never reached: rules.0 matches all that it matches'],
    ],
    [
      'with one name for two',
      [
        { name: 'a', match: { kinds: ['Pod'] }, action: 'copy' },
        { name: 'a', action: 'skip' },
      ],
      ['rules.1.name: got "a", which another rule is called'],
    ],
    [
      'for all that is wrong, at once',
      [
        { match: { images: ['a'] }, action: 'copy', check: false, message: 'x' },
        { match: { images: ['b'] }, action: 'skip' },
      ],
      [
        'rules.0.match.images.0: got "a", wanted the registry host first, such as "docker.io/library/a"',
        'rules.0.check: belongs to action rewrite-only, not to copy',
        'rules.0.message: belongs to the actions deny and warn, not to copy',
        'rules.1.match.images.0: got "b", wanted the registry host first, such as "docker.io/library/b"',
      ],
    ],
  ])('%s', (_what, texts, expected) => {
    expect(faults(...texts)).toEqual(expected);
  });

  it('not where they only overlap', () => {
    expect(
      faults(
        { match: { namespaces: ['a*'] }, action: 'copy' },
        { match: { namespaces: ['a'] }, action: 'deny', message: 'no' },
        { action: 'rewrite-only', check: true },
      ),
    ).toEqual([]);
  });
});
