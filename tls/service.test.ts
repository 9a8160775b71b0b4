import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { GenError } from './gen-error.ts';
import { parseService, serverNames } from './service.ts';

const LONGEST = 'a'.repeat(63);

describe('parseService', () => {
  it.each([
    ['image-cloner', 'image-cloner'],
    ['a', '0'],
    [LONGEST, LONGEST],
    ['a-1', '1-a'],
  ])('takes the service %s in the namespace %s', (name, namespace) => {
    expect(parseService(name, namespace)).toEqual({ name, namespace });
  });

  it.each([
    '',
    '-',
    '-a',
    'a-',
    'A',
    'a_b',
    'a.b',
    'a b',
    'a\n',
    '\na',
    'a/b',
    '../x',
    'ä',
    `${LONGEST}a`,
    '$(id)',
    'a;b',
    '"',
    'default',
    'kube-system',
    'kube-node-lease',
    'kube-public',
    'kube-anything',
  ])('refuses the namespace %j', (namespace) => {
    expect(() => parseService('image-cloner', namespace)).toThrow(GenError);
    expect(() => parseService('image-cloner', namespace)).toThrow(`use --namespace "${namespace}": want`);
  });

  it.each(['', '0', '1a', 'a.b', 'A', `${LONGEST}a`, 'a\n'])('refuses the service %j', (name) => {
    expect(() => parseService(name, 'image-cloner')).toThrow(
      expect.objectContaining({ code: 'BAD_ARGUMENT', message: expect.stringContaining('--name') }),
    );
  });

  it('takes nothing that is not one DNS label', () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 70 }), (namespace) => {
        fc.pre(/[^a-z0-9-]/.test(namespace) || namespace.length > 63);
        expect(() => parseService('image-cloner', namespace)).toThrow(GenError);
      }),
    );
  });
});

describe('serverNames', () => {
  it('begins with the name that the API server asks for', () => {
    expect(serverNames({ name: 'cloner', namespace: 'tools' })).toEqual([
      'cloner.tools.svc',
      'cloner.tools.svc.cluster.local',
      'cloner',
    ]);
  });
});
