import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { start } from '../../../test/fakes/running-program.ts';
import { type ScriptedRegistry, startRegistry } from '../../../test/fakes/scripted-registry.ts';
import { tempFolder } from '../../../test/fakes/temp-folder.ts';
import { makeImage } from '../../../test/images/image.ts';

const ENVIRONMENT = { REGISTRY: 'registry.example.com/backup' };
const BACKUP = 'registry.example.com/backup/docker.io/library';

const MANIFESTS = `# Source: shop/templates/web.yaml
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: shop}
spec:
  template:
    spec:
      containers:
        - {name: app, image: alpine:3.12}
        - {name: side, image: '${BACKUP}/busybox:1'}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: settings}
data: {image: alpine}
---
apiVersion: v1
kind: List
items:
  - apiVersion: v1
    kind: Pod
    metadata: {name: alone, labels: {image-cloner: disabled}}
    spec: {containers: [{name: a, image: a:1}]}
  - apiVersion: batch/v1
    kind: CronJob
    metadata: {generateName: night-}
    spec: {jobTemplate: {spec: {template: {spec: {containers: [{name: b, image: 'ghcr.io/team/b'}]}}}}}
`;

const RULES = `rules:
  - name: no-ghcr
    match: {images: ['ghcr.io/**']}
    action: deny
    message: use quay.io
`;

async function file(name: string, content: string): Promise<string> {
  const path = join(await tempFolder(), name);
  await writeFile(path, content);
  return path;
}

async function plan(
  args: readonly string[],
  environment: Readonly<Record<string, string>> = ENVIRONMENT,
): Promise<{ code: number; out: string; err: string }> {
  const program = start(['plan', ...args], { REGISTRY_AUTH_DIR: '/nowhere', ...environment });
  const code = await program.ended;
  return { code, out: program.out, err: program.err };
}

async function rowsOf(args: readonly string[], environment = ENVIRONMENT): Promise<unknown> {
  return JSON.parse((await plan([...args, '--json'], environment)).out);
}

async function backup(): Promise<ScriptedRegistry> {
  const image = await makeImage();
  const registry = await startRegistry({
    images: [{ repository: 'backup/docker.io/library/alpine', tag: '3.12', image }],
  });
  onTestFinished(() => registry.close());
  return registry;
}

describe('image-cloner plan', () => {
  test('says of every image what would happen, as a table', async () => {
    const { code, out, err } = await plan(['-f', await file('all.yaml', MANIFESTS)]);
    expect({ code, err }).toEqual({ code: 0, err: '' });
    expect(out.split('\n').map((line) => line.split(/ {2,}/))).toEqual([
      ['WORKLOAD', 'CONTAINER', 'IMAGE', 'ACTION', 'RULE', 'RESULT'],
      ['shop/Deployment/web', 'app', 'alpine:3.12', 'copy', 'default', `${BACKUP}/alpine:3.12`],
      ['shop/Deployment/web', 'side', `${BACKUP}/busybox:1`, 'skip', '-', 'already-backup'],
      ['default/Pod/alone', '-', '-', 'ignore', '-', 'opted-out'],
      [
        'default/CronJob/night-',
        'b',
        'ghcr.io/team/b',
        'copy',
        'default',
        'registry.example.com/backup/ghcr.io/team/b:latest',
      ],
      [''],
    ]);
  });

  test('says the same as JSON', async () => {
    const rows = await rowsOf(['-f', await file('all.yaml', MANIFESTS), '--namespace', 'lab']);
    expect(rows).toEqual([
      {
        namespace: 'shop',
        kind: 'Deployment',
        name: 'web',
        container: 'app',
        image: 'alpine:3.12',
        action: 'copy',
        rule: 'default',
        backup: `${BACKUP}/alpine:3.12`,
      },
      {
        namespace: 'shop',
        kind: 'Deployment',
        name: 'web',
        container: 'side',
        image: `${BACKUP}/busybox:1`,
        action: 'skip',
        reason: 'already-backup',
      },
      { namespace: 'lab', kind: 'Pod', name: 'alone', action: 'ignore', reason: 'opted-out' },
      {
        namespace: 'lab',
        kind: 'CronJob',
        name: 'night-',
        container: 'b',
        image: 'ghcr.io/team/b',
        action: 'copy',
        rule: 'default',
        backup: 'registry.example.com/backup/ghcr.io/team/b:latest',
      },
    ]);
  });

  test('goes by the rules of the configuration, and ends with 1 when something would be refused', async () => {
    const config = await file('config.yaml', RULES);
    const { code, out } = await plan(['-f', await file('all.yaml', MANIFESTS), '--config', config]);
    expect(code).toBe(1);
    expect(out).toMatch(/ghcr\.io\/team\/b +deny +no-ghcr +use quay\.io\n/);
  });

  test('ends with 1 when an image is no reference', async () => {
    const bad =
      '{apiVersion: v1, kind: Pod, spec: {containers: [{name: "a\\u001B[2J", image: Not An Image}]}}';
    const { code, out } = await plan(['-f', await file('bad.yaml', bad)]);
    expect(code).toBe(1);
    expect(out).toContain('a?[2J');
    expect(out).toMatch(/Not An Image +skip +- +unparsable/);
  });

  test('reads several files, and standard input', async () => {
    const [one, two] = ['a:1', 'b:1'].map(
      (image) => `{apiVersion: v1, kind: Pod, spec: {containers: [{name: c, image: '${image}'}]}}`,
    );
    const rows = await rowsOf([
      '-f',
      await file('one.yaml', one ?? ''),
      '-f',
      await file('two.yaml', two ?? ''),
    ]);
    expect(rows).toMatchObject([{ image: 'a:1' }, { image: 'b:1' }]);
    const program = start(['plan', '-f', '-', '--json'], ENVIRONMENT, undefined, [MANIFESTS]);
    expect(await program.ended).toBe(0);
    expect(JSON.parse(program.out)).toHaveLength(4);
  });

  test('prints nothing where there is nothing', async () => {
    expect(await plan(['-f', await file('none.yaml', '---\n')])).toEqual({ code: 0, out: '', err: '' });
  });

  test.each([
    [['-f', '/nowhere.yaml'], 1, 'Cannot read manifests from /nowhere.yaml: ENOENT'],
    [[], 2, "required option '-f, --filename <file...>' not specified"],
  ])('%j ends with %i', async (args, code, message) => {
    const ended = await plan(args);
    expect(ended).toMatchObject({ code, out: '' });
    expect(ended.err).toContain(message);
  });

  test('names the file and the line of what is no manifest', async () => {
    const path = await file('bad.yaml', `${MANIFESTS}---\nkind: *x\n`);
    const { code, err } = await plan(['-f', path]);
    expect(code).toBe(1);
    expect(err).toContain(`Cannot read manifests from ${path}:${MANIFESTS.split('\n').length + 1}: `);
  });

  test('wants to know where copies live, and good rules', async () => {
    const manifests = await file('all.yaml', MANIFESTS);
    expect((await plan(['-f', manifests], {})).code).toBe(2);
    const config = await file('config.yaml', RULES.replace('ghcr.io/**', 'ghcr'));
    const { code, err } = await plan(['-f', manifests, '--config', config]);
    expect(code).toBe(2);
    expect(err).toContain('rules.0.match.images.0: got "ghcr"');
  });

  test('asks no registry', async () => {
    const registry = await backup();
    await plan(['-f', await file('all.yaml', MANIFESTS)], { REGISTRY: `${registry.host}/backup` });
    expect(registry.requests()).toEqual([]);
  });

  test('asks the backup registry with --check, and copies nothing', async () => {
    const registry = await backup();
    const args = ['-f', await file('all.yaml', MANIFESTS), '--check'];
    const rows = await rowsOf(args, { REGISTRY: `${registry.host}/backup` });
    expect(rows).toMatchObject([
      { image: 'alpine:3.12', copied: true },
      { image: `${BACKUP}/busybox:1`, copied: false },
      { action: 'ignore' },
      { image: 'ghcr.io/team/b', copied: false },
    ]);
    expect(registry.requests().every(({ method }) => method === 'GET' || method === 'HEAD')).toBe(true);
    const { out } = await plan(args, { REGISTRY: `${registry.host}/backup` });
    expect(out).toContain('alpine:3.12 (there)\n');
    expect(out).toContain('b:latest (not there)\n');
  });
});

describe('where namespaces have copies of their own', () => {
  const APART = { ...ENVIRONMENT, ACCESS_PULL_SECRETS: 'true' };
  const FOREIGN = `apiVersion: v1
kind: Pod
metadata: {name: thief, namespace: bank}
spec: {containers: [{name: a, image: 'registry.example.com/backup/ns/shop/docker.io/library/alpine:3.12'}]}
`;

  test('both names are told, as only the source knows which it will be', async () => {
    const manifests = await file('manifests.yaml', MANIFESTS);
    const { out } = await plan(['-f', manifests, '--json'], APART);
    expect(JSON.parse(out)).toContainEqual(
      expect.objectContaining({
        container: 'app',
        backup: `${BACKUP}/alpine:3.12`,
        ownBackup: 'registry.example.com/backup/ns/shop/docker.io/library/alpine:3.12',
      }),
    );
    expect((await plan(['-f', manifests], APART)).out).toContain('to pull secrets alone gets a name of its');
    expect((await plan(['-f', manifests])).out).not.toContain('pull secrets');
  });

  test('the copy of another namespace is denied', async () => {
    const { code, out } = await plan(['-f', await file('thief.yaml', FOREIGN)], APART);
    expect([code, out]).toEqual([
      1,
      expect.stringContaining('a copy of namespace "shop" is for that namespace'),
    ]);
  });

  test('a check finds the namespace’s own copy, and needs no API server', async () => {
    const kept = await startRegistry({
      images: [
        { repository: 'backup/ns/shop/docker.io/library/alpine', tag: '3.12', image: await makeImage() },
      ],
    });
    onTestFinished(() => kept.close());
    const environment = { ...APART, REGISTRY: `${kept.host}/backup`, COPY_PLATFORMS: 'nodes' };
    const { out } = await plan(
      ['-f', await file('manifests.yaml', MANIFESTS), '--json', '--check'],
      environment,
    );
    expect(JSON.parse(out)).toContainEqual(expect.objectContaining({ container: 'app', copied: true }));
    expect(JSON.parse(out)).toContainEqual(expect.objectContaining({ container: 'b', copied: false }));
  });
});
