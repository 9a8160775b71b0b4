import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ConfigError } from './config-error.ts';
import { loadSettings, type Settings } from './configuration.ts';
import type { Environment } from './process-environment.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'settings-'));
});
afterAll(() => rm(folder, { recursive: true }));

interface Given {
  readonly yaml?: string | Uint8Array;
  readonly environment?: Environment;
}

async function load({ yaml, environment = {} }: Given): Promise<Settings> {
  if (yaml === undefined) return loadSettings({ environment });
  const file = join(folder, 'config.yaml');
  await writeFile(file, yaml);
  return loadSettings({ file, environment });
}

/** `at: what` of every fault; the folder of the file is cut off. */
async function faultsOf(given: Given): Promise<string[]> {
  const error: unknown = await load(given).catch((thrown: unknown) => thrown);
  if (!(error instanceof ConfigError)) throw new Error('Wanted a ConfigError', { cause: error });
  return error.faults.map(({ at, what }) => `${at.replace(`${folder}/`, '')}: ${what}`);
}

describe('without any configuration', () => {
  test('every setting has its documented default', async () => {
    expect(await load({})).toEqual({
      registry: { authDir: '/auth', plainHttp: false },
      sources: {
        plainHttp: [],
        internal: [],
        allow: [],
        deny: [],
        concurrency: 8,
        credentialHelpers: false,
        credentialProviders: { binDir: '/credential-providers' },
      },
      copy: {
        engine: 'auto',
        onPending: 'allow',
        onFailure: 'allow',
        waitSeconds: 10,
        sourceCheckSeconds: 1,
        freshSeconds: 10,
        platforms: [],
        referrers: false,
        concurrency: 12,
        timeoutSeconds: 3600,
        lease: false,
      },
      access: { pullSecrets: false, shared: false, rememberSeconds: 60 },
      docker: {},
      containerd: { namespace: 'k8s.io' },
      agents: {
        addresses: [],
        caFile: '/agents/ca.crt',
        certFile: '/agents/tls.crt',
        keyFile: '/agents/tls.key',
      },
      tags: { pin: false, moved: 'refresh' },
      rules: [],
      workloads: [],
      webhook: { enabled: true },
      tls: { certFile: '/tls/tls.crt', keyFile: '/tls/tls.key' },
      listen: ':8443',
      metrics: { listen: ':9090' },
      log: { level: 'info', format: 'auto' },
      shutdown: { graceSeconds: 10 },
    });
  });

  test('the result is frozen through and through', async () => {
    const settings = await load({ yaml: 'sources: {plainHttp: [a.example.com]}' });
    const parts = [settings, settings.registry, settings.copy, settings.sources, settings.sources.plainHttp];
    expect(parts.every((part) => Object.isFrozen(part))).toBe(true);
    expect(() => Object.assign(settings.copy, { waitSeconds: 99 })).toThrow(TypeError);
  });

  test('the defaults of one load are not those of another', async () => {
    expect((await load({})).sources).not.toBe((await load({})).sources);
  });
});

describe('the prefix of copies', () => {
  test.each([
    ['docker.io/user', 'docker.io/user'],
    ['user', 'user'],
    ['registry.example.com', 'registry.example.com'],
    ['registry.example.com/backup/', 'registry.example.com/backup'],
    ['localhost:5000//', 'localhost:5000'],
    ['[::1]:5000/x', '[::1]:5000/x'],
  ])('%s is %s', async (REGISTRY, prefix) => {
    expect((await load({ environment: { REGISTRY } })).registry.prefix).toBe(prefix);
  });
});

describe('the environment', () => {
  test.each<[string, string, (settings: Settings) => unknown, unknown]>([
    ['REGISTRY', 'r.example.com/x', (s) => s.registry.prefix, 'r.example.com/x'],
    ['REGISTRY_AUTH_DIR', '/run/auth', (s) => s.registry.authDir, '/run/auth'],
    ['REGISTRY_PLAIN_HTTP', 'true', (s) => s.registry.plainHttp, true],
    ['REGISTRY_NAMING', 'keep-host', (s) => s.registry.naming, 'keep-host'],
    [
      'SOURCES_PLAIN_HTTP',
      ' a.example.com, B.example.com:5000,',
      (s) => s.sources.plainHttp,
      ['a.example.com', 'b.example.com:5000'],
    ],
    ['SOURCES_INTERNAL', 'a.example.com', (s) => s.sources.internal, ['a.example.com']],
    ['SOURCES_ALLOW', 'docker.io, *.X.org', (s) => s.sources.allow, ['docker.io', '*.x.org']],
    ['SOURCES_DENY', '*.example.com:5000', (s) => s.sources.deny, ['*.example.com:5000']],
    ['SOURCES_AUTH_DIR', '/source-auth', (s) => s.sources.authDir, '/source-auth'],
    ['SOURCES_CREDENTIAL_HELPERS', 'true', (s) => s.sources.credentialHelpers, true],
    [
      'SOURCES_CREDENTIAL_PROVIDERS_CONFIG',
      '/config.yaml',
      (s) => s.sources.credentialProviders.config,
      '/config.yaml',
    ],
    ['COPY_ON_PENDING', 'rewrite', (s) => s.copy.onPending, 'rewrite'],
    ['COPY_ON_FAILURE', 'deny', (s) => s.copy.onFailure, 'deny'],
    ['COPY_ENGINE', 'containerd', (s) => s.copy.engine, 'containerd'],
    ['DOCKER_SOCKET', '/run/docker.sock', (s) => s.docker.socket, '/run/docker.sock'],
    ['CONTAINERD_NAMESPACE', 'moby', (s) => s.containerd.namespace, 'moby'],
    ['AGENTS_ADDRESSES', 'a.svc:8443, [::1]:1', (s) => s.agents.addresses, ['a.svc:8443', '[::1]:1']],
    ['COPY_WAIT_SECONDS', '2.5', (s) => s.copy.waitSeconds, 2.5],
    ['COPY_SOURCE_CHECK_SECONDS', '0.25', (s) => s.copy.sourceCheckSeconds, 0.25],
    ['COPY_FRESH_SECONDS', '0', (s) => s.copy.freshSeconds, 0],
    ['COPY_REFERRERS', 'true', (s) => s.copy.referrers, true],
    ['COPY_PLATFORMS', 'linux/amd64, linux/arm/v7', (s) => s.copy.platforms, ['linux/amd64', 'linux/arm/v7']],
    ['COPY_PLATFORMS', 'nodes', (s) => s.copy.platforms, ['nodes']],
    ['ACCESS_PULL_SECRETS', 'true', (s) => s.access.pullSecrets, true],
    ['ACCESS_SHARED', 'true', (s) => s.access.shared, true],
    ['ACCESS_REMEMBER_SECONDS', '0', (s) => s.access.rememberSeconds, 0],
    ['ACCESS_KUBECONFIG', '/etc/kubeconfig', (s) => s.access.kubeconfig, '/etc/kubeconfig'],
    ['SOURCES_CONCURRENCY', '64', (s) => s.sources.concurrency, 64],
    ['COPY_CONCURRENCY', '1', (s) => s.copy.concurrency, 1],
    ['COPY_TIMEOUT_SECONDS', '86400', (s) => s.copy.timeoutSeconds, 86_400],
    ['TLS_CERT_FILE', 'relative.crt', (s) => s.tls.certFile, 'relative.crt'],
    ['TLS_KEY_FILE', '/k', (s) => s.tls.keyFile, '/k'],
    ['LISTEN', '127.0.0.1:0', (s) => s.listen, '127.0.0.1:0'],
    ['METRICS_LISTEN', '[::1]:9090', (s) => s.metrics.listen, '[::1]:9090'],
    ['LOG_LEVEL', 'debug', (s) => s.log.level, 'debug'],
    ['LOG_FORMAT', 'text', (s) => s.log.format, 'text'],
    ['SHUTDOWN_GRACE_SECONDS', '0', (s) => s.shutdown.graceSeconds, 0],
  ])('%s=%s', async (name, text, read, value) => {
    expect(read(await load({ environment: { [name]: text } }))).toEqual(value);
  });

  test('lies over the file, key by key', async () => {
    const yaml = 'copy:\n  waitSeconds: 3\n  freshSeconds: 4\nlog: {level: warn}';
    const settings = await load({ yaml, environment: { COPY_WAIT_SECONDS: '5' } });
    expect([settings.copy.waitSeconds, settings.copy.freshSeconds, settings.log.level]).toEqual([
      5,
      4,
      'warn',
    ]);
  });

  test.each(['', ' ', '\t'])('an empty variable sets nothing: %j', async (text) => {
    const settings = await load({ yaml: 'log: {level: warn}', environment: { LOG_LEVEL: text } });
    expect(settings.log.level).toBe('warn');
  });

  test('variables of others are left alone', async () => {
    const environment = {
      REGISTRY_PORT: 'tcp://10.0.0.1:5000',
      REGISTRY_SERVICE_HOST: '10.0.0.1',
      COPY: 'x',
      LOG: 'y',
      PATH: '/bin',
    };
    expect(await load({ environment })).toEqual(await load({}));
  });

  test('names the file where no argument does', async () => {
    const file = join(folder, 'named.yaml');
    await writeFile(file, 'listen: ":1"');
    const settings = await loadSettings({ environment: { IMAGE_CLONER_CONFIG: file } });
    expect(settings.listen).toBe(':1');
  });

  test('loses against an argument that names a file', async () => {
    const settings = await load({ yaml: 'listen: ":2"', environment: { IMAGE_CLONER_CONFIG: '/nowhere' } });
    expect(settings.listen).toBe(':2');
  });

  test.each([
    ['COPY_WAIT_SECONDS', 'soon', 'got "soon", wanted a number of seconds from 0 to 29'],
    ['COPY_WAIT_SECONDS', '10s', 'got "10s", wanted a number of seconds from 0 to 29'],
    ['COPY_WAIT_SECONDS', '-1', 'got "-1", wanted a number of seconds from 0 to 29'],
    ['COPY_WAIT_SECONDS', '0x10', 'got "0x10", wanted a number of seconds from 0 to 29'],
    ['COPY_WAIT_SECONDS', '1e1', 'got "1e1", wanted a number of seconds from 0 to 29'],
    ['COPY_WAIT_SECONDS', 'Infinity', 'got "Infinity", wanted a number of seconds from 0 to 29'],
    ['COPY_WAIT_SECONDS', '30', 'got 30, wanted a number of seconds from 0 to 29'],
    [
      'COPY_PLATFORMS',
      'amd64',
      'got "amd64", wanted a list of platforms, such as "linux/amd64" or "linux/arm/v7", or of "nodes" alone',
    ],
    [
      'COPY_PLATFORMS',
      'nodes,linux/amd64',
      `got [ 'nodes', 'linux/amd64' ], wanted a list of platforms, such as "linux/amd64" or "linux/arm/v7", or of "nodes" alone`,
    ],
    ['COPY_CONCURRENCY', '1.5', 'got 1.5, wanted a whole number from 1 to 64'],
    ['COPY_CONCURRENCY', '0', 'got 0, wanted a whole number from 1 to 64'],
    ['REGISTRY_PLAIN_HTTP', 'yes', 'got "yes", wanted true or false'],
    ['REGISTRY_PLAIN_HTTP', 'TRUE', 'got "TRUE", wanted true or false'],
    ['COPY_ON_PENDING', 'Allow', 'got "Allow", wanted allow, rewrite or deny'],
    ['LOG_LEVEL', 'trace', 'got "trace", wanted debug, info, warn or error'],
    ['LISTEN', '8443', 'got "8443", wanted ":PORT", "HOST:PORT" or "[IPV6]:PORT"'],
    ['LISTEN', ':65536', 'got ":65536", wanted ":PORT", "HOST:PORT" or "[IPV6]:PORT"'],
    ['TLS_KEY_FILE', 'a\0b', String.raw`got "a\u0000b", wanted a path`],
  ])('a malformed %s=%s is a fault that names the variable', async (name, text, what) => {
    expect(await faultsOf({ environment: { [name]: text } })).toEqual([`${name}: ${what}`]);
  });

  test.each([
    'https://registry.example.com',
    'registry.example.com//x',
    'registry.example.com/Backup',
    'registry.example.com/a b',
    'registry.example.com/x:1',
    'registry.example.com:port',
    '/backup',
    '../x',
  ])('%j is no registry prefix', async (REGISTRY) => {
    expect(await faultsOf({ environment: { REGISTRY } })).toEqual([
      `REGISTRY: got ${JSON.stringify(REGISTRY)}, wanted a registry host with an optional path, such as "registry.example.com/backup"`,
    ]);
  });

  test('a password in an address is not repeated', async () => {
    const [fault] = await faultsOf({
      environment: { REGISTRY: 'https://user:hunter2@registry.example.com' },
    });
    expect(fault).toContain('REGISTRY: got');
    expect(fault).not.toContain('hunter2');
  });
});

describe('a file', () => {
  test.each<[string, string]>([
    ['empty', ''],
    ['of comments', '# nothing\n'],
    ['of one document marker', '---\n'],
    ['with a section whose lines are commented out', 'copy:\n#  waitSeconds: 1\n'],
    ['with a byte order mark', '\uFEFF# nothing'],
    ['with Windows line ends', 'copy:\r\n  waitSeconds: 10\r\n'],
  ])('%s changes nothing', async (_name, yaml) => {
    expect(await load({ yaml })).toEqual(await load({}));
  });

  test('may use an alias', async () => {
    const yaml = 'tls:\n  certFile: &pem /both.pem\n  keyFile: *pem\n';
    expect((await load({ yaml })).tls).toEqual({ certFile: '/both.pem', keyFile: '/both.pem' });
  });

  test.each<[string, string, string[]]>([
    ['a misspelt key', 'copy: {onPendng: deny}', ['copy.onPendng: unknown key, did you mean copy.onPending']],
    [
      'another way to write it',
      'copy: {wait-seconds: 1}',
      ['copy.wait-seconds: unknown key, did you mean copy.waitSeconds'],
    ],
    ['a key without its section', 'onFailure: deny', ['onFailure: unknown key, did you mean copy.onFailure']],
    ['a misspelt section', 'regsitry: {}', ['regsitry: unknown key, did you mean registry']],
    ['a key like no other', 'wombat: 1', ['wombat: unknown key']],
    [
      'a variable in place of the key',
      'COPY_WAIT_SECONDS: 1',
      ['COPY_WAIT_SECONDS: unknown key, did you mean copy.waitSeconds'],
    ],
    ['a merge key', 'log: {<<: {level: warn}}', ['log.<<: unknown key']],
    ['the prototype', '__proto__: {polluted: 1}', ['__proto__: unknown key']],
    ['the prototype of a section', 'copy: {__proto__: {waitSeconds: 1}}', ['copy.__proto__: unknown key']],
    ['a constructor', 'constructor: {prototype: {x: 1}}', ['constructor: unknown key']],
    ['text for a section', 'copy: fast', ['copy: got "fast", wanted a mapping of keys']],
    ['a list for a section', 'copy: [1]', ['copy: got [ 1 ], wanted a mapping of keys']],
    [
      'a section for text',
      'listen: {port: 1}',
      ['listen: got { port: 1 }, wanted ":PORT", "HOST:PORT" or "[IPV6]:PORT"'],
    ],
    ['a number for text', 'listen: 8443', ['listen: got 8443, wanted ":PORT", "HOST:PORT" or "[IPV6]:PORT"']],
    [
      'text for a number',
      'copy: {waitSeconds: "10"}',
      ['copy.waitSeconds: got "10", wanted a number of seconds from 0 to 29'],
    ],
    [
      'no number',
      'copy: {waitSeconds: .nan}',
      ['copy.waitSeconds: got NaN, wanted a number of seconds from 0 to 29'],
    ],
    [
      'infinity',
      'copy: {waitSeconds: .inf}',
      ['copy.waitSeconds: got Infinity, wanted a number of seconds from 0 to 29'],
    ],
    [
      'nothing',
      'copy: {waitSeconds: }',
      ['copy.waitSeconds: got nothing, wanted a number of seconds from 0 to 29'],
    ],
    [
      'text for yes or no',
      'registry: {plainHttp: "true"}',
      ['registry.plainHttp: got "true", wanted true or false'],
    ],
    [
      'the yes of YAML 1.1',
      'registry: {plainHttp: yes}',
      ['registry.plainHttp: got "yes", wanted true or false'],
    ],
    [
      'text for a list',
      'sources: {plainHttp: a.example.com}',
      [
        'sources.plainHttp: got "a.example.com", wanted a list of registry hosts, such as "registry.example.com" or "localhost:5000"',
      ],
    ],
    [
      'a bad entry of a list',
      'sources: {plainHttp: [a.example.com, x/y, 3]}',
      [
        'sources.plainHttp.1: got "x/y", wanted a list of registry hosts, such as "registry.example.com" or "localhost:5000"',
        'sources.plainHttp.2: got 3, wanted a list of registry hosts, such as "registry.example.com" or "localhost:5000"',
      ],
    ],
    [
      'a bad pattern of hosts',
      'sources: {deny: ["*", "*.com", "a.*.com", "*example.com", "https://a.example.com"]}',
      ['*', '*.com', 'a.*.com', '*example.com', 'https://a.example.com'].map(
        (text, place) =>
          `sources.deny.${place}: got "${text}", wanted a list of registry hosts or patterns, such as "registry.example.com" or "*.example.com"`,
      ),
    ],
    ['an empty path', 'tls: {keyFile: ""}', ['tls.keyFile: got "", wanted a path']],
  ])('with %s is refused', async (_name, yaml, faults) => {
    expect(await faultsOf({ yaml })).toEqual(faults);
    expect(Object.hasOwn(Object.prototype, 'polluted')).toBe(false);
  });

  test.each<[string, string | Uint8Array, RegExp]>([
    ['a key twice', 'log: {}\nlog: {}', /is not a configuration: duplicated mapping key at line 2/],
    ['a list', '- a\n- b', /got \[ 'a', 'b' \], wanted a mapping of keys$/],
    ['text', 'just text', /got "just text", wanted a mapping of keys$/],
    ['a number', '42', /got 42, wanted a mapping of keys$/],
    ['two documents', 'log: {}\n---\nlog: {}', /wanted one document, got several/],
    ['broken YAML', 'log: {level: [', /is not a configuration: .* at line 1/],
    ['a tab as indent', 'log:\n\tlevel: info', /is not a configuration: /],
    ['an unknown tag', 'log: !!js/function "x"', /unknown scalar tag/],
    ['an alias of nothing', 'log: *x', /unidentified alias "x" at line 1/],
    ['a key that is no text', '? [a]\n: 1', /is not a configuration: /],
    [
      'bytes that are not UTF-8',
      Uint8Array.of(0x6c, 0xff, 0xfe, 0x0a),
      /cannot be read: .*encoded data was not valid/,
    ],
    ['UTF-16', Buffer.from('\uFEFFlog: {}', 'utf16le'), /cannot be read: .*encoded data was not valid/],
    [
      'more than any configuration',
      `# ${'x'.repeat(1024 * 1024)}`,
      /got 1048578 bytes, wanted at most 1048576/,
    ],
    ['brackets without end', '['.repeat(50_000), /is not a configuration: /],
    ['braces without end', '{a: '.repeat(50_000), /is not a configuration: /],
  ])('of %s is refused', async (_name, yaml, what) => {
    const faults = await faultsOf({ yaml });
    expect(faults).toHaveLength(1);
    expect(faults[0]).toMatch(/^config\.yaml: /);
    expect(faults[0]).toMatch(what);
  });

  test('of aliases that multiply is refused before they unfold', async () => {
    const rows = Array.from(
      { length: 9 },
      (_, row) => `l${row + 1}: &l${row + 1} [${`*l${row}, `.repeat(9)}]`,
    );
    const faults = await faultsOf({ yaml: ['l0: &l0 [x]', ...rows].join('\n') });
    expect(faults).toEqual([expect.stringContaining('aliases unfold to more than')]);
  });

  test('of a value that holds itself is refused', async () => {
    expect(await faultsOf({ yaml: 'listen: &a [*a]' })).toEqual([
      expect.stringMatching(/^(listen|config\.yaml): /),
    ]);
  });

  test('that is missing is a fault with its name and cause', async () => {
    const file = join(folder, 'missing.yaml');
    const error: unknown = await loadSettings({ file, environment: {} }).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({
      code: 'INVALID_CONFIG',
      cause: { code: 'ENOENT' },
      faults: [{ at: file, what: expect.stringContaining('cannot be read: ENOENT') }],
    });
  });

  test('that is a folder is a fault', async () => {
    await expect(loadSettings({ file: folder, environment: {} })).rejects.toThrow(/cannot be read: EISDIR/);
  });

  test('shows no line of its own in a fault of its form', async () => {
    const [fault] = await faultsOf({ yaml: 'log: {level: info\nsecret: hunter2' });
    expect(fault).not.toContain('hunter2');
  });
});

describe('faults', () => {
  test('are all told at once, of file and environment', async () => {
    const yaml = 'copy: {onPending: maybe, wait: 1}\nlisten: 1\nlog: {level: info}';
    const environment = { LOG_LEVEL: 'loud', COPY_CONCURRENCY: 'many' };
    expect(
      (await faultsOf({ yaml, environment }))
        .map((fault) => fault.split(':')[0])
        .toSorted((a = '', b = '') => a.localeCompare(b, 'en')),
    ).toEqual(['COPY_CONCURRENCY', 'copy.onPending', 'copy.wait', 'listen', 'LOG_LEVEL']);
  });

  test('of the environment are told also when the file cannot be read', async () => {
    const faults = await faultsOf({ yaml: '- no mapping', environment: { LOG_LEVEL: 'loud' } });
    expect(faults).toEqual([
      expect.stringMatching(/^config\.yaml: is not a configuration/),
      expect.stringMatching(/^LOG_LEVEL: /),
    ]);
  });

  test('stand one a line in the message, which says what was done', async () => {
    const error: unknown = await load({ environment: { LOG_LEVEL: 'loud', LISTEN: 'x' } }).catch(
      (thrown: unknown) => thrown,
    );
    expect(String(error)).toBe(
      [
        'ConfigError: Cannot use the configuration, faults found: 2',
        '  LISTEN: got "x", wanted ":PORT", "HOST:PORT" or "[IPV6]:PORT"',
        '  LOG_LEVEL: got "loud", wanted debug, info, warn or error',
      ].join('\n'),
    );
  });

  test('show the start of a long value only', async () => {
    const [fault = ''] = await faultsOf({ environment: { LISTEN: 'x'.repeat(5000) } });
    expect(fault.length).toBeLessThan(250);
  });
});

describe('rules and workloads', () => {
  test('are read from the file', async () => {
    const yaml = `
      rules:
        - name: ours
          match: {namespaces: [team-*], labels: {app: web}, images: ['ghcr.io/**']}
          action: rewrite-only
          check: true
        - action: deny
          message: not here
      workloads:
        - {kind: Rollout.argoproj.io, podSpec: .spec.template.spec}
        - {kind: Cluster.postgresql.cnpg.io, image: .spec.imageName}
    `;
    const settings = await load({ yaml });
    expect(settings.rules).toEqual([
      {
        name: 'ours',
        match: { namespaces: ['team-*'], labels: { app: 'web' }, images: ['ghcr.io/**'] },
        action: 'rewrite-only',
        check: true,
      },
      { action: 'deny', message: 'not here' },
    ]);
    expect(settings.workloads).toEqual([
      { kind: 'Rollout.argoproj.io', podSpec: '.spec.template.spec' },
      { kind: 'Cluster.postgresql.cnpg.io', image: '.spec.imageName' },
    ]);
    expect(Object.isFrozen(settings.rules[0]?.match?.images)).toBe(true);
  });

  test('that say nothing are none', async () => {
    expect((await load({ yaml: 'webhook:\n  enabled: false\n' })).webhook).toEqual({ enabled: false });
    expect((await load({ yaml: 'rules: []' })).rules).toEqual([]);
  });

  test.each([
    ['rules: skip', ['rules: got "skip", wanted a list of rules']],
    ['rules: [skip]', ['rules.0: got "skip", wanted a mapping with name, match, action, check and message']],
    ['rules: [{}]', ['rules.0.action: got nothing, wanted copy, rewrite-only, skip, deny or warn']],
    [
      'rules: [{action: ignore}]',
      ['rules.0.action: got "ignore", wanted copy, rewrite-only, skip, deny or warn'],
    ],
    ['rules: [{action: skip, matches: {}}]', ['rules.0.matches: unknown key, did you mean rules.0.match']],
    [
      'rules: [{action: skip, match: {imgaes: ["**"]}}]',
      ['rules.0.match.imgaes: unknown key, did you mean rules.0.match.images'],
    ],
    [
      'rules: [{action: skip, match: {images: "**"}}]',
      [
        'rules.0.match.images: got "**", wanted a list of texts, in which "*" stands for any characters but "/" and "**" for any at all',
      ],
    ],
    [
      'rules: [{action: skip, match: {labels: {app: 5}}}]',
      [
        'rules.0.match.labels.app: got 5, wanted a mapping of keys to texts, in which "*" stands for any characters',
      ],
    ],
    [
      'workloads: [{kind: rollout}]',
      ['workloads.0.kind: got "rollout", wanted kind and group, such as "Rollout.argoproj.io"'],
    ],
    [
      'rules: [{action: 1}, {action: deny, message: 2}]',
      [
        'rules.0.action: got 1, wanted copy, rewrite-only, skip, deny or warn',
        'rules.1.message: got 2, wanted a text',
      ],
    ],
  ])('%s is refused', async (yaml, faults) => {
    expect(await faultsOf({ yaml })).toEqual(faults);
  });

  test('are not set by variables of their names', async () => {
    expect((await load({ environment: { RULES: 'skip', WORKLOADS: 'x' } })).rules).toEqual([]);
  });
});
