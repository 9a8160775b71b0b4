import { describe, expect, test } from 'vitest';
import type { CredentialEvent } from './event.ts';
import { type PullSecretText, pullSecretCredentials } from './pull-secrets.ts';

const REPOSITORY = { host: 'r.example.com', path: 'team/app' };

type Auths = Readonly<Record<string, string>>;

function entries(auths: Auths): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(auths).map(([key, username]) => [key, { username, password: 'p' }]),
  );
}

function secret(auths: Auths, form: PullSecretText['form'] = 'dockerconfigjson'): PullSecretText {
  const content = form === 'dockercfg' ? entries(auths) : { auths: entries(auths) };
  return { form, text: JSON.stringify(content), place: 'secret shop/pull' };
}

function users(...secrets: readonly PullSecretText[]): readonly string[] {
  return pullSecretCredentials(secrets, REPOSITORY).flatMap((one) =>
    one.kind === 'basic' ? [one.username] : [],
  );
}

describe('credentials of pull secrets', () => {
  test('are of both forms', () => {
    expect(
      users(secret({ 'r.example.com': 'new' }), secret({ 'r.example.com': 'old' }, 'dockercfg')),
    ).toEqual(['new', 'old']);
  });

  test('are for the repositories that their keys match, and no others', () => {
    const keys = { 'other.example.com': 'x', 'r.example.com:5000': 'x', 'r.example.com/other': 'x' };
    expect(users(secret(keys))).toEqual([]);
    expect(users(secret({ '*.example.com': 'glob', 'https://r.example.com/v1/': 'url' }))).toEqual([
      'url',
      'glob',
    ]);
  });

  test('come in the order of the kubelet: as if all stood in one file, longer keys first', () => {
    const first = secret({ 'r.example.com': 'host' });
    const second = secret({ 'r.example.com/team': 'path' });
    expect(users(first, second)).toEqual(['path', 'host']);
    expect(users(second, first)).toEqual(['path', 'host']);
  });

  test('come once', () => {
    expect(users(secret({ 'r.example.com': 'a' }), secret({ 'r.example.com': 'a' }))).toEqual(['a']);
  });

  test('of a helper that a Secret names are none: nobody’s Secret decides what we run', () => {
    const text = JSON.stringify({ credsStore: 'evil', credHelpers: { 'r.example.com': 'evil' } });
    expect(users({ form: 'dockerconfigjson', text, place: 'secret shop/pull' })).toEqual([]);
  });
});

describe('a broken secret', () => {
  const broken: PullSecretText = {
    form: 'dockerconfigjson',
    text: '{"auths": hunter2',
    place: 'secret shop/bad',
  };

  test('is told where another has a credential', () => {
    const events: CredentialEvent[] = [];
    const good = secret({ 'r.example.com': 'a' });
    expect(pullSecretCredentials([broken, good], REPOSITORY, (event) => events.push(event))).toHaveLength(1);
    expect(events).toMatchObject([{ type: 'passed-over', error: { place: 'secret shop/bad' } }]);
  });

  test('is a fault where there is no other, and what it holds is not told', () => {
    expect(() => pullSecretCredentials([broken], REPOSITORY)).toThrow(
      'Cannot get credentials from "secret shop/bad"',
    );
    expect(() => pullSecretCredentials([broken], REPOSITORY)).not.toThrow('hunter2');
  });
});
