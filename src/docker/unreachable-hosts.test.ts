import { describe, expect, test } from 'vitest';
import { DockerError } from './docker-error.ts';
import { UnreachableHosts } from './unreachable-hosts.ts';

const OPERATION = 'push it';
const MINUTE = 60_000;

function failing(code: 'REGISTRY_UNREACHABLE' | 'UNAUTHORIZED'): DockerError {
  return new DockerError('x509: certificate signed by unknown authority', { code, operation: OPERATION });
}

describe('a registry', () => {
  test('that could not be reached is not tried for a while', () => {
    let now = 0;
    const hosts = new UnreachableHosts(() => now);
    hosts.refuse('a.test', OPERATION);
    hosts.note('a.test', failing('REGISTRY_UNREACHABLE'));
    for (now of [0, 5 * MINUTE, 10 * MINUTE - 1])
      expect(() => hosts.refuse('a.test', OPERATION)).toThrow(
        expect.objectContaining({ code: 'REGISTRY_UNREACHABLE', operation: OPERATION }),
      );
    hosts.refuse('b.test', OPERATION);
    now = 10 * MINUTE;
    hosts.refuse('a.test', OPERATION);
  });

  test.each([failing('UNAUTHORIZED'), new Error('other'), undefined])('is tried after %s', (error) => {
    const hosts = new UnreachableHosts();
    hosts.note('a.test', error);
    expect(() => hosts.refuse('a.test', OPERATION)).not.toThrow();
  });
});
