import { describe, expect, it } from 'vitest';
import { type MapRule, readMapRules } from './map-rules.ts';

const RULES: readonly MapRule[] = [
  { source: 'docker.io/library/alpine', target: 'r.example.com/base/alpine' },
  { source: 'docker.io/library/**', target: 'r.example.com/official' },
  { source: 'quay.io/**', target: 'r.example.com:5000/quay' },
  { source: 'localhost:5000/**', target: 'r.example.com' },
];

function read(rules: readonly MapRule[]) {
  const found = readMapRules(rules);
  if (!found.ok) throw new Error(JSON.stringify(found.faults));
  return found.map;
}

function faultsOf(...rules: readonly MapRule[]): readonly string[] {
  const found = readMapRules(rules);
  return found.ok ? [] : found.faults.map(({ at, what }) => `${at}: ${what}`);
}

describe('a map of our own', () => {
  it.each<[string, string | undefined]>([
    ['alpine:3.12', 'r.example.com/base/alpine:3.12'],
    ['docker.io/library/alpine', 'r.example.com/base/alpine:latest'],
    ['alpine-git:1', 'r.example.com/official/alpine-git:1'],
    [`nginx@sha256:${'a'.repeat(64)}`, `r.example.com/official/nginx@sha256:${'a'.repeat(64)}`],
    ['quay.io/a/b:1', 'r.example.com:5000/quay/a/b:1'],
    ['localhost:5000/x:1', 'r.example.com/x:1'],
    ['ghcr.io/a/b:1', undefined],
    ['team/app:1', undefined],
    ['Not An Image', undefined],
  ])('leads %s to %s', (image, target) => {
    expect(read(RULES).targetOf(image)).toBe(target);
  });

  it('may lead everything somewhere', () => {
    expect(read([{ source: '**', target: 'r.example.com/all' }]).targetOf('ghcr.io/a/b:1')).toBe(
      'r.example.com/all/ghcr.io/a/b:1',
    );
  });

  it.each([
    ['r.example.com:5000/quay/a/b:1', true],
    ['r.example.com/base/alpine', true],
    ['r.example.com:5001/quay/a', false],
    ['quay.io/a', false],
    ['Not An Image', false],
  ])('knows whether %s is where it leads: %s', (image, expected) => {
    expect(read(RULES).isTarget(image)).toBe(expected);
  });

  it.each<[MapRule, string]>([
    [
      { source: 'alpine', target: 'r.example.com/a' },
      'registry.map.0.source: got "alpine", wanted the registry host first, such as "docker.io/library/alpine"',
    ],
    [
      { source: 'quay.io/*/app', target: 'r.example.com/a' },
      'registry.map.0.source: got "quay.io/*/app", wanted a repository, or all below one: "quay.io/team/**"',
    ],
    [
      { source: 'quay.io/a**', target: 'r.example.com/a' },
      'registry.map.0.source: got "quay.io/a**", wanted a repository, or all below one: "quay.io/team/**"',
    ],
    [
      { source: 'quay.io/a:1', target: 'r.example.com/a' },
      'registry.map.0.source: got "quay.io/a:1", wanted a repository, or all below one: "quay.io/team/**"',
    ],
    [
      { source: 'quay.io/a', target: 'r.example.com/a:1' },
      'registry.map.0.target: got "r.example.com/a:1", wanted a registry with an optional path, without tag',
    ],
    [
      { source: 'quay.io/a', target: 'https://r.example.com' },
      'registry.map.0.target: got "https://r.example.com", wanted a registry with an optional path, without tag',
    ],
    [
      { source: 'quay.io/a', target: 'r.example.com/' },
      'registry.map.0.target: got "r.example.com/", wanted a registry with an optional path, without tag',
    ],
  ])('is refused with %j', (rule, fault) => {
    expect(faultsOf(rule)).toEqual([fault]);
  });

  it('is refused where two lines lead to the same place', () => {
    expect(
      faultsOf(
        { source: 'quay.io/**', target: 'r.example.com/x' },
        { source: 'ghcr.io/**', target: 'r.example.com/x' },
      ),
    ).toEqual([
      'registry.map.1.target: got "r.example.com/x", which registry.map.0 has: their copies would share names',
    ]);
  });
});
