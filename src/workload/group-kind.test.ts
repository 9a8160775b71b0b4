import { describe, expect, it } from 'vitest';
import { groupKindOf } from './group-kind.ts';

describe('groupKindOf', () => {
  it.each([
    ['v1', 'Pod', 'Pod'],
    ['apps/v1', 'Deployment', 'Deployment.apps'],
    ['apps/v1beta2', 'Deployment', 'Deployment.apps'],
    ['apps.example.com/v1', 'StatefulSet', 'StatefulSet.apps.example.com'],
  ])('joins %s and %s to %s', (apiVersion, kind, expected) => {
    expect(groupKindOf({ apiVersion, kind })).toBe(expected);
  });

  it.each([
    undefined,
    null,
    'Pod',
    5,
    [],
    {},
    { kind: 'Pod' },
    { apiVersion: 'v1' },
    { apiVersion: 1, kind: 'Pod' },
  ])('finds none in %j', (value) => {
    expect(groupKindOf(value)).toBeUndefined();
  });
});
