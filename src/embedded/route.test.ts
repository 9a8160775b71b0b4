import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { Refusal } from './refusal.ts';
import { checkName } from './repositories.ts';
import { type Part, routeOf } from './route.ts';

/** Names with the words of the API in them, since these are what a pattern stumbles over. */
const component = fc.constantFrom(
  'a',
  'manifests',
  'blobs',
  'uploads',
  'tags',
  'list',
  'referrers',
  'v2',
  'a.b',
  'a__b',
);
const name = fc.array(component, { minLength: 1, maxLength: 5 }).map((parts) => parts.join('/'));
const id = fc.constantFrom('v1', 'list', 'uploads', `sha256:${'a'.repeat(64)}`, '_x');

/** The path of each part, as the spec writes it. */
const PATHS: Readonly<Record<Part, (repository: string, of: string) => string>> = {
  manifests: (repository, of) => `/v2/${repository}/manifests/${of}`,
  blobs: (repository, of) => `/v2/${repository}/blobs/${of}`,
  uploads: (repository, of) => `/v2/${repository}/blobs/uploads/${of}`,
  tags: (repository) => `/v2/${repository}/tags/list`,
  referrers: (repository, of) => `/v2/${repository}/referrers/${of}`,
};

test.each(['manifests', 'blobs', 'uploads', 'referrers'] as const)(
  'any repository has %s, whatever it is called',
  (part) => {
    fc.assert(
      fc.property(name, id, (repository, of) => {
        fc.pre(!(part === 'blobs' && of === 'uploads'));
        expect(routeOf(PATHS[part](repository, of))).toEqual({ part, name: repository, id: of });
      }),
    );
  },
);

test('any repository has tags, whatever it is called', () => {
  fc.assert(
    fc.property(name, (repository) => {
      expect(routeOf(PATHS.tags(repository, ''))).toEqual({ part: 'tags', name: repository, id: '' });
    }),
  );
});

test('any text is a route, nothing or refused', () => {
  fc.assert(
    fc.property(
      fc.string({ unit: fc.constantFrom('a', '/', '%', '2', 'F', '.', 'manifests', 'blobs') }),
      (text) => {
        expect(attempt(() => routeOf(`/v2/${text}`))).toSatisfy(
          (result) => result === 'done' || result instanceof Refusal,
        );
      },
    ),
  );
});

/** @returns what was thrown */
function attempt(run: () => unknown): unknown {
  try {
    run();
    return 'done';
  } catch (error) {
    return error;
  }
}

test.each([
  ['/v2/a/manifests/sha256%3Aabc', { part: 'manifests', name: 'a', id: 'sha256:abc' }],
  ['/v2/a%2Fb/manifests/v1', { part: 'manifests', name: 'a/b', id: 'v1' }],
  ['/v2/a/blobs/uploads', { part: 'uploads', name: 'a', id: '' }],
  ['/v2/a/blobs/uploads/', { part: 'uploads', name: 'a', id: '' }],
  ['/v2/a/tags', undefined],
  ['/v2/a/tags/', undefined],
  ['/v2/a', undefined],
  ['/v2/manifests/v1', undefined],
  ['/v1/a/manifests/v1', undefined],
  ['/x/v2/a/manifests/v1', undefined],
])('%s', (path, route) => {
  expect(routeOf(path)).toEqual(route);
});

test('a repository name stays below its directory', () => {
  const text = fc.oneof(
    fc.string(),
    fc
      .array(fc.constantFrom('a', '.', '..', '/', '_', '-', '%', '\0', '\\', '_layout'))
      .map((parts) => parts.join('')),
  );
  fc.assert(
    fc.property(text, (candidate) => {
      fc.pre(attempt(() => checkName(candidate)) === 'done');
      const parts = candidate.split('/');
      expect(parts.every((part) => /^[a-z0-9]/.test(part) && !/[^a-z0-9._-]/.test(part))).toBe(true);
      expect(parts).not.toContain('_layout');
    }),
  );
});
