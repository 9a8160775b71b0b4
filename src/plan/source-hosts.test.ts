import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { references } from '../../test/arbitraries/reference.ts';
import { mayBeSource } from './source-hosts.ts';

const NONE = { allow: [], deny: [] };

describe('the hosts that may be sources', () => {
  it.each([
    ['registry.example.com', 'registry.example.com', true],
    ['registry.example.com', 'registry.example.com:5000', true],
    ['registry.example.com:5000', 'registry.example.com:5000', true],
    ['registry.example.com:5000', 'registry.example.com:5001', false],
    ['registry.example.com:5000', 'registry.example.com', false],
    ['registry.example.com:443', 'registry.example.com', true],
    ['registry.example.com', 'registry.example.com.evil.test', false],
    ['registry.example.com', 'evil-registry.example.com', false],
    ['*.example.com', 'registry.example.com', true],
    ['*.example.com', 'a.b.example.com:5000', true],
    ['*.example.com', 'example.com', false],
    ['*.example.com', 'evilexample.com', false],
    ['*.example.com', 'example.com.evil.test', false],
    ['*.example.com:5000', 'a.example.com:5000', true],
    ['*.example.com:5000', 'a.example.com', false],
    ['docker.io', 'docker.io', true],
    ['docker.io', 'registry-1.docker.io', true],
    ['docker.io', 'registry.hub.docker.com', true],
    ['docker.io', 'registry.hub.docker.com.evil.test', false],
    ['*.docker.io', 'registry-1.docker.io', true],
    ['localhost', 'localhost:5000', true],
    ['[::1]', '[::1]:5000', true],
    ['[::1]:5000', '[::1]', false],
    ['[::1]', '[::2]', false],
    ['10.0.0.1', '10.0.0.1:80', true],
    ['10.0.0.1', '10.0.0.11', false],
  ])('%s stands for %s: %s', (pattern, host, stands) => {
    expect(mayBeSource(host, { ...NONE, allow: [pattern] })).toBe(stands);
    expect(mayBeSource(host, { ...NONE, deny: [pattern] })).toBe(!stands);
  });

  it('are all where nothing is said', () => {
    fc.assert(
      fc.property(references, ({ host }) => {
        expect(mayBeSource(host, NONE)).toBe(true);
      }),
    );
  });

  it('are those of one pattern or another', () => {
    const hosts = { ...NONE, allow: ['a.test', '*.b.test'] };
    expect(['a.test', 'x.b.test', 'c.test'].map((host) => mayBeSource(host, hosts))).toEqual([
      true,
      true,
      false,
    ]);
  });

  it('are never those that are denied, whatever is allowed', () => {
    const allow = ['*.example.com'];
    fc.assert(
      fc.property(references, ({ host }) => {
        expect(mayBeSource(host, { allow: [...allow, host], deny: [host] })).toBe(false);
      }),
    );
    expect(mayBeSource('bad.example.com', { allow, deny: ['bad.example.com'] })).toBe(false);
    expect(mayBeSource('good.example.com', { allow, deny: ['bad.example.com'] })).toBe(true);
  });
});
