import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { type ConnectProxy, type ConnectProxyOptions, startProxy } from '../../test/fakes/connect-proxy.ts';
import type { ScriptedRegistry } from '../../test/fakes/scripted-registry.ts';
import { never, useStage } from '../../test/fakes/stage.ts';
import { makeImage } from '../../test/images/image.ts';
import { makeAuthority, makeServerCertificate } from '../../tls/certificate.ts';
import { InvalidProxyError, proxyFrom } from './proxy.ts';
import type { Repository } from './repository.ts';
import { openTunnel } from './tunnel.ts';

const PROXY = 'http://proxy.example.com:3128';

function findIn(exceptions: string, hostname: string, port = 443): string | undefined {
  return proxyFrom({ HTTPS_PROXY: PROXY, NO_PROXY: exceptions })({ hostname, port })?.href;
}

describe('the proxy of the environment', () => {
  test.each([
    [{ HTTPS_PROXY: PROXY }, `${PROXY}/`],
    [{ https_proxy: PROXY }, `${PROXY}/`],
    [{ HTTPS_PROXY: 'proxy.example.com:3128' }, `${PROXY}/`],
    [{ HTTPS_PROXY: 'https://proxy.example.com' }, 'https://proxy.example.com/'],
    [{ HTTPS_PROXY: '', https_proxy: '' }, undefined],
    [{ HTTP_PROXY: PROXY }, undefined],
    [{}, undefined],
  ])('%j is %s', (environment, href) => {
    expect(proxyFrom(environment)({ hostname: 'registry.test', port: 443 })?.href).toBe(href);
  });

  test.each(['NO_PROXY', 'no_proxy'])('has its exceptions in %s', (name) => {
    const find = proxyFrom({ https_proxy: PROXY, [name]: 'registry.test' });
    const hosts = ['registry.test', 'other.test'].map((hostname) => find({ hostname, port: 443 })?.href);
    expect(hosts).toEqual([undefined, `${PROXY}/`]);
  });

  test.each(['socks5://proxy:1080', 'http://', 'http://a b', 'ftp://user:hunter2@proxy'])(
    '%s is refused, and not told',
    (text) => {
      expect(() => proxyFrom({ HTTPS_PROXY: text })).toThrow(InvalidProxyError);
      expect(() => proxyFrom({ HTTPS_PROXY: text })).not.toThrow('hunter2');
    },
  );

  test.each(['localhost', '127.0.0.1', '127.1.2.3', '::1'])('is never used for %s', (hostname) => {
    expect(findIn('', hostname)).toBeUndefined();
  });

  test.each([
    ['*', 'registry.test', 443, true],
    ['registry.test', 'registry.test', 443, true],
    ['registry.test', 'REGISTRY.test', 443, true],
    ['Registry.Test', 'registry.test', 443, true],
    ['registry.test', 'a.registry.test', 443, true],
    ['registry.test', 'aregistry.test', 443, false],
    ['registry.test', 'registry.test.evil', 443, false],
    ['.registry.test', 'a.registry.test', 443, true],
    ['.registry.test', 'registry.test', 443, false],
    ['*.registry.test', 'a.b.registry.test', 443, true],
    ['*.registry.test', 'registry.test', 443, false],
    ['registry.test:5000', 'registry.test', 5000, true],
    ['registry.test:5000', 'registry.test', 443, false],
    ['.svc,.cluster.local', 'registry.tools.svc', 443, true],
    ['a.test, b.test', 'b.test', 443, true],
    ['a.test b.test', 'b.test', 443, true],
    ['10.0.0.0/8', '10.1.2.3', 443, true],
    ['10.0.0.0/8', '11.1.2.3', 443, false],
    ['10.0.0.0/8', 'registry.test', 443, false],
    ['fd00::/8', 'fd12::1', 443, true],
    ['fd00::/8', '10.0.0.1', 443, false],
    ['10.0.0.1', '10.0.0.1', 443, true],
    ['10.0.0.1:5000', '10.0.0.1', 5000, true],
    ['0.0.0.1', '10.0.0.1', 443, false],
    ['fd12::1', 'fd12::1', 443, true],
    ['[fd12::1]:5000', 'fd12::1', 5000, true],
    ['[fd12::1]:5000', 'fd12::1', 443, false],
    ['10.0.0.0/99', '10.0.0.1', 443, false],
    ['nonsense/8', '10.0.0.1', 443, false],
    [',,. *.', 'registry.test', 443, false],
  ])('is with NO_PROXY=%s passed by for %s:%i: %s', (exceptions, hostname, port, direct) => {
    expect(findIn(exceptions, hostname, port)).toBe(direct ? undefined : `${PROXY}/`);
  });
});

const stage = useStage();

async function proxy(options: ConnectProxyOptions): Promise<ConnectProxy> {
  const started = await startProxy(options);
  onTestFinished(() => started.close());
  return started;
}

/** A registry that calls itself `registry.test`, and the authority that says so. */
async function registryTest(): Promise<{ readonly registry: ScriptedRegistry; readonly ca: string }> {
  const authority = await makeAuthority({ name: 'test', days: 1 });
  const { certificate: cert, key } = await makeServerCertificate(authority, {
    names: ['registry.test'],
    days: 1,
  });
  const images = [{ repository: 'team/app', tag: '1', image: await makeImage() }];
  return { registry: await stage.registry({ images, tls: { cert, key } }), ca: authority.certificate };
}

/** A repository that is reached as it is outside of tests, but for the authority that is trusted. */
function repository(host: string, url: string, ca = '', noProxy = ''): Repository {
  const client = stage.client({
    speaksPlainHttp: () => false,
    mayBeInternal: () => false,
    findProxy: proxyFrom({ HTTPS_PROXY: url, NO_PROXY: noProxy }),
    findCertificates: async () => ({ authorities: ca === '' ? [] : [ca] }),
  });
  return stage.repository({ host }, 'team/app', { client });
}

describe('a registry behind a proxy', () => {
  test('is reached through tunnels that are kept, and its certificate is checked', async () => {
    const { registry, ca } = await registryTest();
    const { url, asked } = await proxy({ routes: { 'registry.test:443': registry.host } });
    const reached = repository('registry.test', url, ca);
    for (let request = 0; request < 6; request += 1) await reached.resolve('1', never);
    expect(await reached.resolve('1', never)).toHaveProperty('digest');
    expect(new Set(asked)).toEqual(new Set(['registry.test:443']));
    expect(asked.length).toBe(registry.connections());
    expect(asked.length).toBeLessThan(registry.requests().length);
    await expect(repository('registry.test', url).resolve('1', never)).rejects.toMatchObject({
      code: 'UNTRUSTED',
    });
  });

  test('takes the proxy at its name and password, and tells nobody', async () => {
    const { registry, ca } = await registryTest();
    const routes = { 'registry.test:5000': registry.host };
    const { url } = await proxy({ routes, account: 'ada:hunter 2' });
    const { host } = new URL(url);
    expect(
      await repository('registry.test:5000', `http://ada:hunter%202@${host}`, ca).resolve('1', never),
    ).toHaveProperty('digest');
    const refused = repository('registry.test:5000', `http://ada:wrong-one@${host}`, ca).resolve('1', never);
    await expect(refused).rejects.toMatchObject({
      code: 'UNREACHABLE',
      message: expect.stringMatching(
        /"registry\.test:5000" through the proxy "127\.0\.0\.1:\d+": it answered 407$/,
      ),
    });
    await expect(refused).rejects.not.toThrow('wrong-one');
  });

  test('may have a proxy that speaks TLS itself', async () => {
    const authority = await makeAuthority({ name: 'test', days: 1 });
    const { certificate: cert, key } = await makeServerCertificate(authority, {
      names: ['127.0.0.1'],
      days: 1,
    });
    const { url } = await proxy({ tls: { cert, key } });
    await expect(repository('registry.test', url).resolve('1', never)).rejects.toMatchObject({
      code: 'UNREACHABLE',
      message: expect.stringContaining('certificate'),
    });
  });

  test.each(['10.0.0.1', '169.254.169.254', '[fd12::1]:5000'])(
    'at the literal internal address %s is refused all the same',
    async (host) => {
      const { url, asked } = await proxy({});
      await expect(repository(host, url).resolve('1', never)).rejects.toMatchObject({
        code: 'FORBIDDEN_HOP',
      });
      expect(asked).toEqual([]);
    },
  );

  test('that speaks plain HTTP is nearby, and reached directly', async () => {
    const { url, asked } = await proxy({});
    const registry = await stage.registry({
      images: [{ repository: 'team/app', tag: '1', image: await makeImage() }],
    });
    const client = stage.client({ findProxy: () => new URL(url) });
    expect(await stage.repository(registry, 'team/app', { client }).resolve('1', never)).toHaveProperty(
      'digest',
    );
    expect(asked).toEqual([]);
  });

  test('on loopback is reached directly', async () => {
    const { url, asked } = await proxy({});
    const registry = await stage.registry({
      images: [{ repository: 'team/app', tag: '1', image: await makeImage() }],
    });
    const client = stage.client({ findProxy: proxyFrom({ HTTPS_PROXY: url }) });
    expect(await stage.repository(registry, 'team/app', { client }).resolve('1', never)).toHaveProperty(
      'digest',
    );
    expect(asked).toEqual([]);
  });
});

describe('a tunnel', () => {
  const TO = { hostname: 'registry.test', port: 443 };

  test('that nobody opens is a timeout', async () => {
    const { url } = await proxy({ silent: true });
    await expect(openTunnel(new URL(url), TO, 50)).rejects.toMatchObject({ code: 'TIMEOUT' });
  });

  test('through a proxy that is not there cannot be opened', async () => {
    const gone = await startProxy();
    await gone.close();
    await expect(openTunnel(new URL(gone.url), TO, 5000)).rejects.toMatchObject({
      code: 'UNREACHABLE',
      message: expect.stringContaining('ECONNREFUSED'),
    });
  });

  test('outlives the time that it had to be opened in', async () => {
    const { registry } = await registryTest();
    const { url } = await proxy({ routes: { 'registry.test:443': registry.host } });
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    onTestFinished(() => void vi.useRealTimers());
    const socket = await openTunnel(new URL(url), TO, 5000);
    await vi.advanceTimersByTimeAsync(10_000);
    expect(socket.destroyed).toBe(false);
    socket.destroy();
  });
});
