import { describe, expect, it } from 'vitest';
import { parseReference } from '../image/reference.ts';
import { imageMatch, imagePatternFault } from './image-pattern.ts';

const DIGEST = `sha256:${'a'.repeat(64)}`;

describe('imageMatch', () => {
  it.each([
    ['docker.io/library/alpine', 'alpine', true],
    ['docker.io/library/alpine', 'alpine:3.12', true],
    ['docker.io/library/alpine', 'alpine-git:3.12', false],
    ['docker.io/library/alpine:3.12', 'alpine:3.12', true],
    ['docker.io/library/alpine:3.12', 'alpine:3.12.1', false],
    ['docker.io/library/alpine:3.12', `alpine:3.12@${DIGEST}`, false],
    ['docker.io/library/alpine:3.12@*', `alpine:3.12@${DIGEST}`, true],
    ['docker.io/library/*', 'index.docker.io/alpine', true],
    ['docker.io/library/*', 'team/app', false],
    ['docker.io/*', 'team/app', false],
    ['docker.io/**', 'team/app', true],
    ['docker.io/**', 'docker.io.evil.example.com/team/app', false],
    ['**:latest', 'ghcr.io/a/b', true],
    ['**:latest', 'ghcr.io/a/b:1', false],
    ['**', 'ghcr.io/a/b:1', true],
    ['*.example.com/team/*', 'registry.example.com/team/app', true],
    ['*.example.com/team/*', 'registry.example.com/team/app/sub', false],
    ['localhost:5000/**', 'localhost:5000/a', true],
    ['localhost:5000/**', 'localhost:5001/a', false],
    ['**@sha256:*', `quay.io/a/b@${DIGEST}`, true],
    ['**@sha256:*', 'quay.io/a/b:1', false],
  ])('%s matches %s: %s', (pattern, image, expected) => {
    expect(imagePatternFault(pattern)).toBeUndefined();
    expect(imageMatch(pattern)(parseReference(image))).toBe(expected);
  });
});

describe('imagePatternFault', () => {
  it.each([
    ['alpine', 'wanted the registry host first, such as "docker.io/library/alpine"'],
    ['alpine:*', 'wanted the registry host first, such as "docker.io/library/alpine:*"'],
    ['*', 'wanted the registry host first, such as "docker.io/library/*"'],
    ['library/*', 'wanted the registry host first, such as "docker.io/library/*"'],
    ['team/app:1', 'wanted the registry host first, such as "docker.io/team/app:1"'],
    ['docker.io/', 'wanted a path after the host'],
    ['', 'wanted a path after the host'],
    ['docker.io/library/ alpine', 'wanted no spaces'],
    ['docker.io/library/alpine\n', 'wanted no spaces'],
    ['docker.io/Library/alpine', 'wanted a repository in lower case'],
  ])('of %j: %s', (pattern, fault) => {
    expect(imagePatternFault(pattern)).toBe(fault);
  });

  it('lets tags be of any case', () => {
    expect(imagePatternFault('docker.io/library/alpine:RC1')).toBeUndefined();
  });
});
