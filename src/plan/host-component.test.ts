import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { references } from '../../test/arbitraries/reference.ts';
import { parseReference } from '../image/reference.ts';
import { hostComponent } from './host-component.ts';

describe('hostComponent', () => {
  it.each([
    ['docker.io', 'docker.io'],
    ['localhost:5000', 'localhost_5000'],
    ['127.0.0.1:5000', '127.0.0.1_5000'],
    ['[::]', 'ipv6_0000-0000-0000-0000-0000-0000-0000-0000'],
    ['[::1]', 'ipv6_0000-0000-0000-0000-0000-0000-0000-0001'],
    ['[1::]', 'ipv6_0001-0000-0000-0000-0000-0000-0000-0000'],
    ['[2001:db8::1]:5000', 'ipv6_2001-0db8-0000-0000-0000-0000-0000-0001_5000'],
    ['[1:2:3:4:5:6:7:8]', 'ipv6_0001-0002-0003-0004-0005-0006-0007-0008'],
    ['[1:2:3:4:5:6:7::]', 'ipv6_0001-0002-0003-0004-0005-0006-0007-0000'],
  ])('writes %s as %s', (host, component) => {
    expect(hostComponent(host)).toBe(component);
  });

  it('writes one address the same, however it is written', () => {
    expect(hostComponent('[2001:db8:0:0:0:0:0:1]')).toBe(hostComponent('[2001:0db8::0001]'));
  });

  it('keeps an address with a port apart from a longer address', () => {
    expect(hostComponent('[::1]:5')).not.toBe(hostComponent('[::1:5]'));
  });

  it('is a component of a repository path, for every host', () => {
    fc.assert(
      fc.property(references, ({ host }) => {
        const path = `x/${hostComponent(host)}`;
        expect(parseReference(`a.b/${path}`).path).toBe(path);
      }),
    );
  });
});
