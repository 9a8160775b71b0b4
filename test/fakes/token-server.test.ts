import { request } from 'undici';
import { afterEach, expect, test } from 'vitest';
import { isRecord } from '../../src/image/descriptor.ts';
import { makeImage } from '../images/image.ts';
import type { Auth } from './authorization.ts';
import { type ScriptedRegistry, startRegistry } from './scripted-registry.ts';
import { startTokenServer, type TokenServer, type TokenServerOptions } from './token-server.ts';

const running: { close(): Promise<void> }[] = [];
afterEach(async () => {
  await Promise.all(running.splice(0).map((server) => server.close()));
});

const image = await makeImage();
const ACCOUNT = { username: 'ann', password: 'pass', refreshToken: 'identity' };
const BASIC = `Basic ${Buffer.from('ann:pass').toString('base64')}`;

const GRANTED = { access_token: expect.any(String), expires_in: 60 };
const REFUSED = { errors: [{ code: 'UNAUTHORIZED' }] };

async function start(
  options: TokenServerOptions = {},
  auth: Partial<Extract<Auth, { bearer: TokenServer }>> = {},
): Promise<{ tokens: TokenServer; registry: ScriptedRegistry }> {
  const tokens = await startTokenServer({ accounts: [ACCOUNT], ...options });
  const images = [{ repository: 'a', tag: 'v1', image }];
  const registry = await startRegistry({ images, auth: { bearer: tokens, ...auth } });
  running.push(tokens, registry);
  return { tokens, registry };
}

async function head(
  registry: ScriptedRegistry,
  authorization?: string,
  path = '/v2/a/manifests/v1',
): Promise<{ status: number; challenge: unknown }> {
  const headers = authorization === undefined ? {} : { authorization };
  const { statusCode, headers: got } = await request(registry.url + path, { method: 'HEAD', headers });
  return { status: statusCode, challenge: got['www-authenticate'] };
}

async function tokenByGet(tokens: TokenServer, scope: string, authorization?: string): Promise<string> {
  const headers = authorization === undefined ? {} : { authorization };
  const { body } = await request(`${tokens.realm}?service=fake&scope=${encodeURIComponent(scope)}`, {
    headers,
  });
  const answer: unknown = await body.json();
  return `Bearer ${isRecord(answer) ? String(answer['token']) : ''}`;
}

async function post(
  tokens: TokenServer,
  form: Record<string, string>,
): Promise<{ status: number; body: unknown }> {
  const headers = { 'content-type': 'application/x-www-form-urlencoded' };
  const body = new URLSearchParams(form).toString();
  const answer = await request(tokens.realm, { method: 'POST', headers, body });
  return { status: answer.statusCode, body: await answer.body.json() };
}

test('the challenge names realm, service and the scope that is needed', async () => {
  const { tokens, registry } = await start();
  const read = await head(registry);
  expect(read).toEqual({
    status: 401,
    challenge: `Bearer realm="${tokens.realm}",service="fake",scope="repository:a:pull"`,
  });
  expect((await head(registry, undefined, '/v2/')).challenge).toBe(
    `Bearer realm="${tokens.realm}",service="fake"`,
  );
  const write = await request(`${registry.url}/v2/a/blobs/uploads/?mount=x&from=b`, { method: 'POST' });
  expect(write.headers['www-authenticate']).toContain('scope="repository:a:pull,push repository:b:pull"');
});

test('an anonymous token reads and does not write', async () => {
  const { tokens, registry } = await start();
  const token = await tokenByGet(tokens, 'repository:a:pull,push');
  expect((await head(registry, token)).status).toBe(200);
  const write = await request(`${registry.url}/v2/a/blobs/uploads/`, {
    method: 'POST',
    headers: { authorization: token },
  });
  expect(write.statusCode).toBe(401);
  expect(write.headers['www-authenticate']).toContain('error="insufficient_scope"');
  expect(tokens.grants()).toEqual([['repository:a:pull']]);
});

test('a token is good for its own repository only', async () => {
  const { tokens, registry } = await start();
  const token = await tokenByGet(tokens, 'repository:b:pull,push', BASIC);
  expect((await head(registry, token)).status).toBe(401);
});

test('an account gets what it asks for in its own repositories', async () => {
  const { tokens } = await start({ accounts: [{ ...ACCOUNT, repositories: /^a$/ }] });
  await tokenByGet(tokens, 'repository:a:pull,push repository:b:pull', BASIC);
  expect(tokens.grants()).toEqual([['repository:a:pull,push']]);
  expect(tokens.requests()).toMatchObject([{ method: 'GET', status: 200 }]);
});

test.each([
  ['a wrong password', {}, `Basic ${Buffer.from('ann:no').toString('base64')}`],
  ['no account where anonymous is off', { anonymous: false }, undefined],
])('%s gets no token', async (_, options, authorization) => {
  const { tokens } = await start(options);
  expect(await tokenByGet(tokens, 'repository:a:pull', authorization)).toBe('Bearer undefined');
  expect(tokens.grants()).toEqual([]);
});

test('expired tokens are refused', async () => {
  const { tokens, registry } = await start({ expiresIn: 60, issuedAt: '2020-01-01T00:00:00Z' });
  const token = await tokenByGet(tokens, 'repository:a:pull');
  tokens.expire();
  expect((await head(registry, token)).challenge).toContain('error="invalid_token"');
});

test.each([
  ['an identity token', { grant_type: 'refresh_token', refresh_token: 'identity' }, 200, GRANTED],
  ['a password', { grant_type: 'password', username: 'ann', password: 'pass' }, 200, GRANTED],
  ['a wrong identity token', { grant_type: 'refresh_token', refresh_token: 'no' }, 401, REFUSED],
  ['a wrong password', { grant_type: 'password', username: 'ann', password: 'no' }, 401, REFUSED],
])('a POST with %s is answered %s', async (_, form, status, body) => {
  const { tokens } = await start({ field: 'access_token', expiresIn: 60 });
  const answer = await post(tokens, { ...form, service: 'fake', scope: 'repository:a:pull' });
  expect(answer).toMatchObject({ status, body });
});

test('a server without the OAuth2 flow refuses every POST', async () => {
  const { tokens } = await start({ refusesPost: 405 });
  const answer = await post(tokens, { grant_type: 'password', username: 'ann', password: 'pass' });
  expect(answer.status).toBe(405);
});

test('a challenge can name any realm and service, or be written anew', async () => {
  const { registry } = await start({}, { realm: '/token', service: 'other' });
  expect((await head(registry)).challenge).toContain('realm="/token",service="other"');
  const several = await start({}, { challenges: (own) => ['Negotiate', own] });
  expect((await head(several.registry)).challenge).toEqual(['Negotiate', expect.stringMatching(/^Bearer/)]);
  const none = await start({}, { challenges: () => [] });
  expect(await head(none.registry)).toEqual({ status: 401, challenge: undefined });
});

test('Basic authentication takes the one password', async () => {
  const registry = await startRegistry({ auth: { basic: { username: 'ann', password: 'pass' } } });
  running.push(registry);
  expect(await head(registry, undefined, '/v2/')).toEqual({ status: 401, challenge: 'Basic realm="fake"' });
  expect((await head(registry, BASIC, '/v2/')).status).toBe(200);
});
