import { describe, expect, test } from 'vitest';
import { describeSettings } from './description.ts';
import { KEYS, SECTIONS } from './key.ts';

describe('keys', () => {
  test.each([
    ['registry.prefix', 'REGISTRY'],
    ['registry.authDir', 'REGISTRY_AUTH_DIR'],
    ['sources.plainHttp', 'SOURCES_PLAIN_HTTP'],
    ['copy.onPending', 'COPY_ON_PENDING'],
    ['copy.sourceCheckSeconds', 'COPY_SOURCE_CHECK_SECONDS'],
    ['tls.certFile', 'TLS_CERT_FILE'],
    ['listen', 'LISTEN'],
    ['metrics.listen', 'METRICS_LISTEN'],
  ])('%s is the variable %s', (path, variable) => {
    expect(KEYS.find((key) => key.path === path)?.variable).toBe(variable);
  });

  test('no two share a variable', () => {
    const variables = KEYS.flatMap(({ variable }) => variable ?? []);
    expect(new Set(variables).size).toBe(variables.length);
  });

  test('without a variable are those that no text can hold', () => {
    expect(KEYS.filter(({ variable }) => variable === undefined).map(({ path }) => path)).toEqual([
      'registry.map',
      'rules',
      'workloads',
    ]);
  });

  test('stand in these sections', () => {
    expect(SECTIONS).toEqual([
      'registry',
      'sources',
      'sources.credentialProviders',
      'copy',
      'access',
      'docker',
      'containerd',
      'agents',
      'tags',
      'webhook',
      'tls',
      'metrics',
      'log',
      'shutdown',
    ]);
  });
});

describe('the description of settings', () => {
  test('has one row a key, in the order of the schema', () => {
    expect(describeSettings().map(({ path }) => path)).toEqual(KEYS.map(({ path }) => path));
  });

  test.each(describeSettings().map((row) => [row.path, row] as const))(
    'of %s says all there is to say',
    (_path, row) => {
      expect(row.what).toMatch(/^[A-Z].*\.$/);
      expect(row.initial).not.toBe('');
      expect(row.initial).not.toContain('undefined');
      expect(row.wanted).not.toBe('');
    },
  );

  test.each([
    ['registry.prefix', 'docker.io/<user name>'],
    ['registry.naming', 'flat on Docker Hub, else keep-host'],
    ['registry.plainHttp', 'false'],
    ['sources.plainHttp', 'none'],
    ['copy.waitSeconds', '10'],
    ['listen', ':8443'],
  ])('of %s shows the default as people read it: %s', (path, initial) => {
    expect(describeSettings().find((row) => row.path === path)?.initial).toBe(initial);
  });
});
