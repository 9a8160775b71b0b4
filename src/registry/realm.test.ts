import { describe, expect, test } from 'vitest';
import { checkRealm } from './realm.ts';

describe('a credential is sent to a realm that belongs to its registry', () => {
  test.each([
    ['docker.io', 'https://auth.docker.io/token'],
    ['ghcr.io', 'https://ghcr.io/token'],
    ['registry.gitlab.com', 'https://gitlab.com/jwt/auth'],
    ['registry.digitalocean.com', 'https://api.digitalocean.com/v2/registry/auth'],
    ['us.icr.io', 'https://icr.io/oauth/token'],
    ['registry.example.co.uk', 'https://auth.example.co.uk/token'],
    ['127.0.0.1:5000', 'http://127.0.0.1:5001/token'],
    ['localhost:5000', 'http://localhost:5001/token'],
    ['[::1]:5000', 'http://[::1]:5001/token'],
    ['registry', 'https://registry/token'],
  ])('%s, %s', (host, realm) => {
    expect(() => checkRealm(host, new URL(realm))).not.toThrow();
  });
});

describe('and to no other', () => {
  test.each([
    ['ghcr.io', 'https://ghrc.io/token'],
    ['docker.io', 'https://docker.io.evil.example/token'],
    ['docker.io', 'https://evildocker.io/token'],
    ['registry.example.co.uk', 'https://evil.co.uk/token'],
    ['registry.example.com.au', 'https://auth.evil.com.au/token'],
    ['127.0.0.1:5000', 'http://127.0.0.2:5000/token'],
    ['10.0.0.1', 'http://20.0.0.1/token'],
    ['[2001:db8::1]', 'http://[2001:db8::2]/token'],
    ['registry', 'https://other/token'],
    ['registry.example.com', 'https://169.254.169.254/token'],
    ['team.registry.io', 'https://io/token'],
  ])('%s, %s', (host, realm) => {
    expect(() => checkRealm(host, new URL(realm))).toThrow(
      expect.objectContaining({ code: 'FORBIDDEN_HOP', message: expect.stringContaining('credential') }),
    );
  });
});
