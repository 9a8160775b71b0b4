import { describe, expect, test } from 'vitest';
import { canonicalHost, serverOf } from './docker-hub.ts';

describe('Docker Hub', () => {
  test.each([
    ['index.docker.io', 'docker.io'],
    ['registry-1.docker.io', 'docker.io'],
    ['docker.io', 'docker.io'],
    ['quay.io', 'quay.io'],
    ['eu.index.docker.io', 'eu.index.docker.io'],
  ])('%j is %j to us', (host, ours) => {
    expect(canonicalHost(host)).toBe(ours);
  });

  test('has a URL where helpers name other registries by their host', () => {
    expect(serverOf('docker.io')).toBe('https://index.docker.io/v1/');
    expect(serverOf('reg.io:5000')).toBe('reg.io:5000');
  });
});
