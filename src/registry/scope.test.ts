import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { missingScopes, scopeOf } from './scope.ts';

test('push is asked for together with pull, because alone it fails on distribution and Harbor', () => {
  expect(scopeOf('team/app', 'pull,push')).toBe('repository:team/app:pull,push');
});

describe('scopes of a challenge that ours do not cover', () => {
  const ours = ['repository:app:pull,push'];

  test.each<[string | undefined, readonly string[]]>([
    [undefined, []],
    ['', []],
    ['repository:app:pull', []],
    ['repository:app:push,pull', []],
    ['repository:app:delete', ['repository:app:delete']],
    ['repository:app:pull,delete', ['repository:app:pull,delete']],
    ['repository:other:pull', ['repository:other:pull']],
    ['repository:app:pull repository:base:pull', ['repository:base:pull']],
    ['repository:app:*', ['repository:app:*']],
    ['registry:catalog:*', ['registry:catalog:*']],
    ['repository(plugin):app:pull', ['repository(plugin):app:pull']],
    ['repository:host:5000/app:pull', ['repository:host:5000/app:pull']],
  ])('%j', (challenge, missing) => {
    expect(missingScopes(ours, challenge)).toEqual(missing);
  });

  test.each([
    'nonsense',
    'a:b',
    'repository:a b:pull',
    'repository:a:PULL',
    'repository:a:pull\n',
    `repository:${'a'.repeat(600)}:pull`,
  ])('what is no scope is passed over: %j', (challenge) => {
    expect(missingScopes(ours, challenge).filter((scope) => challenge.startsWith(`${scope} `))).toEqual(
      missingScopes(ours, challenge),
    );
  });

  test('are at most four, whatever is asked for', () => {
    const asked = Array.from({ length: 100 }, (_, index) => `repository:a${index}:pull`).join(' ');
    expect(missingScopes(ours, asked)).toHaveLength(4);
  });

  test('nothing throws', () => {
    fc.assert(
      fc.property(fc.string(), (challenge) => {
        expect(missingScopes(ours, challenge).length).toBeLessThanOrEqual(4);
      }),
    );
  });
});
