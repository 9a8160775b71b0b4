import { describe, expect, test } from 'vitest';
import { credentialOf } from './credential.ts';

describe('credentialOf()', () => {
  test.each([
    ['ada', 'pw', { kind: 'basic', username: 'ada', password: 'pw' }],
    ['ada', '', { kind: 'basic', username: 'ada', password: '' }],
    ['', 'pw', { kind: 'basic', username: '', password: 'pw' }],
    ['<token>', 'refresh', { kind: 'identity-token', token: 'refresh' }],
    ['<token>', '', undefined],
    ['', '', undefined],
  ])('user name %j with secret %j', (username, secret, expected) => {
    expect(credentialOf(username, secret)).toEqual(expected);
  });
});
