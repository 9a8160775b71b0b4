import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { start } from '../../../test/fakes/running-program.ts';
import { tempFolder } from '../../../test/fakes/temp-folder.ts';
import { containers, pod } from '../../../test/workloads.ts';

interface Ended {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

async function migrate(format: string, content: string): Promise<Ended> {
  const file = join(await tempFolder(), 'theirs.yaml');
  await writeFile(file, content);
  return migrateFile(format, file);
}

async function migrateFile(format: string, file: string): Promise<Ended> {
  const program = start(['migrate', format, file]);
  const code = await program.ended;
  return { code, out: program.out, err: program.err.replaceAll(file, 'FILE') };
}

/** What becomes of images under the configuration that was printed: the copy's name, or the reason to leave them. */
function planned(configuration: string, ...images: readonly string[]): Promise<readonly unknown[]> {
  return plannedOf(configuration, pod(containers(...images)));
}

async function plannedOf(configuration: string, object: unknown): Promise<readonly unknown[]> {
  const folder = await tempFolder();
  const [config, manifest] = [join(folder, 'config.yaml'), join(folder, 'pod.json')];
  await writeFile(config, configuration);
  await writeFile(manifest, JSON.stringify(object));
  const environment = { REGISTRY_AUTH_DIR: join(folder, 'auth') };
  const program = start(['plan', '--json', '--config', config, '-f', manifest], environment);
  expect({ code: await program.ended, err: program.err }).toEqual({ code: 0, err: '' });
  const rows: { action: string; backup?: string; reason?: string }[] = JSON.parse(program.out);
  return rows.map(({ action, backup, reason }) => reason ?? [action, backup]);
}

function examplePath(name: string): string {
  return fileURLToPath(new URL(`../../../deploy/examples/${name}`, import.meta.url));
}

function example(name: string): Promise<string> {
  return readFile(examplePath(name), 'utf8');
}

const ECR = '123456789012.dkr.ecr.eu-central-1.amazonaws.com';

describe('image-cloner migrate ecr-pull-through', () => {
  test.each([
    ['nginx', `${ECR}/docker.io/library/nginx:latest`],
    ['nginx:1.25', `${ECR}/docker.io/library/nginx:1.25`],
    ['docker.io/library/nginx:1.25', `${ECR}/docker.io/library/nginx:1.25`],
    ['org/image:1', `${ECR}/docker.io/org/image:1`],
    ['docker.io/org/image:1', `${ECR}/docker.io/org/image:1`],
    ['ghcr.io/org/image:1', `${ECR}/ghcr.io/org/image:1`],
    ['registry.k8s.io/pause:3.9', `${ECR}/registry.k8s.io/pause:3.9`],
    ['quay.io/org/deep/image:1', `${ECR}/quay.io/org/deep/image:1`],
  ])('%s becomes %s, and nothing is copied', async (image, backup) => {
    const { out } = await migrate('ecr-pull-through', await example('ecr-pull-through.yaml'));
    expect(await planned(out, image)).toEqual([['rewrite', backup]]);
  });

  test('images of other registries and those of ECR are left alone', async () => {
    const { out } = await migrate('ecr-pull-through', await example('ecr-pull-through.yaml'));
    expect(
      await planned(out, 'registry.example.com/a:1', 'ghcr.io.example.com/a:1', `${ECR}/ghcr.io/a:1`),
    ).toEqual(['rule', 'rule', 'already-backup']);
  });

  test('takes an account that YAML reads as a number, and says what to do', async () => {
    const { code, out } = await migrate(
      'ecr-pull-through',
      'registries: [docker.io]\nawsAccountId: 123456789012\nawsRegion: eu-central-1\n',
    );
    expect(code).toBe(0);
    expect(out).toContain(`prefix: ${ECR}\n`);
    expect(out).toMatch(/^# .*pull-through-enabled=true/m);
  });

  test('tells every fault at once', async () => {
    const { code, out, err } = await migrate('ecr-pull-through', 'registries: []\nawsAccountId: "12"\n');
    expect({ code, out }).toEqual({ code: 2, out: '' });
    for (const key of ['registries', 'awsAccountId', 'awsRegion'])
      expect(err).toContain(`FILE: ${key}: got `);
  });
});

describe('image-cloner migrate palette', () => {
  test('puts every image under the domain with its path', async () => {
    const { code, out } = await migrate('palette', await example('palette.yaml'));
    expect(code).toBe(0);
    expect(await planned(out, 'nginx:1.25', 'registry.example.com:8443/cluster-images/a:1')).toEqual([
      ['copy', 'registry.example.com:8443/cluster-images/docker.io/library/nginx:1.25'],
      'already-backup',
    ]);
  });

  test('prints no password, and says where it goes', async () => {
    const secret = 'correct-horse';
    const { out } = await migrate(
      'palette',
      `registryCredentials: {domain: r.example.com/x/, username: me, password: ${secret}}`,
    );
    expect(out).not.toContain(secret);
    expect(out).toContain('registry-auth');
    expect(out).toContain('prefix: r.example.com/x\n');
  });

  test('does not show a password that is no text, either', async () => {
    const { code, err } = await migrate(
      'palette',
      'registryCredentials: {domain: r.example.com, password: 4711}',
    );
    expect(code).toBe(2);
    expect(err).toContain('registryCredentials.password: ');
    expect(err).not.toContain('4711');
  });

  test('switched off it leaves everything as it is', async () => {
    const { out } = await migrate(
      'palette',
      'stylus: {registryCredentials: {domain: r.example.com/x}, imageRedirectWebhook: {enable: false}}',
    );
    expect(await planned(out, 'nginx:1.25')).toEqual(['switched-off']);
  });

  test('reaches an insecure registry by plain HTTP, and says so', async () => {
    const { out } = await migrate(
      'palette',
      'registryCredentials: {domain: 10.0.0.1:5000/x, insecure: true}',
    );
    expect(out).toContain('plainHttp: true\n');
    expect(out).toMatch(/^# insecure became/m);
  });

  test.each(['https://r.example.com/x', 'R_example', ''])('refuses the domain %j', async (domain) => {
    const { code, err } = await migrate('palette', `registryCredentials: {domain: "${domain}"}`);
    expect(code).toBe(2);
    expect(err).toContain('FILE: registryCredentials.domain: got ');
  });
});

describe('image-cloner migrate imageswap', () => {
  const MIRROR = 'registry.example.com/mirror';

  test.each([
    ['nginx:1', `${MIRROR}/official/nginx:1`],
    ['team/app:1', `${MIRROR}/hub-docker.io/team/app:1`],
    ['quay.io/team/app:1', `${MIRROR}/quay/team/app:1`],
    ['gcr.io/team/app:1', `${MIRROR}/team/app:1`],
    ['ghcr.io/shop/web:v1', 'registry.example.com/patched/web:v1-1'],
    ['ghcr.io/shop/tool-a:1', `${MIRROR}/tools/tool-a:1`],
  ])('with a map file %s becomes %s, and nothing is copied', async (image, backup) => {
    const { code, out } = await migrateFile('imageswap', examplePath('imageswap-maps.conf'));
    expect(code).toBe(0);
    expect(await planned(out, image)).toEqual([['rewrite', backup]]);
  });

  test('with a map file leaves alone what that does, and where it leads', async () => {
    const { out } = await migrateFile('imageswap', examplePath('imageswap-maps.conf'));
    const images = ['registry.internal.example.org/a:1', 'edge.example.org/a:1', `${MIRROR}/quay/a:1`];
    expect(await planned(out, ...images)).toEqual(['not-mapped', 'not-mapped', 'already-backup']);
  });

  test('says what opts in and what copies, and keeps the label that opts out', async () => {
    const { out } = await migrateFile('imageswap', examplePath('imageswap-maps.conf'));
    expect(out).toMatch(/^# .*k8s\.twr\.io\/imageswap=enabled/m);
    expect(out).toMatch(/^# .*this copies nothing/m);
    const opted = { metadata: { name: 'p', labels: { 'k8s.twr.io/imageswap': 'disabled' } } };
    expect(await plannedOf(out, { ...pod(containers('nginx:1')), ...opted })).toEqual(['rule']);
  });

  test('in LEGACY mode puts the last component behind the prefix, and reads its variables', async () => {
    const { code, out } = await migrateFile('imageswap', examplePath('imageswap-legacy.yaml'));
    expect(code).toBe(0);
    expect(await planned(out, 'nginx:1', 'quay.io/team/app:1', `${MIRROR}/a:1`)).toEqual([
      ['rewrite', `${MIRROR}/nginx:1`],
      ['rewrite', `${MIRROR}/app:1`],
      'already-backup',
    ]);
    expect(out).toContain('level: debug\n');
    const opted = { metadata: { name: 'p', labels: { 'example.com/keep-images': 'disabled' } } };
    expect(await plannedOf(out, { ...pod(containers('nginx:1')), ...opted })).toEqual(['rule']);
  });

  test('finds a map beside the variables of a Deployment', async () => {
    const { code, out } = await migrate(
      'imageswap',
      `kind: ConfigMap
data:
  imageswap-maps.conf: |
    default::
    quay.io::quay.example.com
---
kind: Deployment
spec: {template: {spec: {containers: [{env: [{name: IMAGESWAP_MAPS_FILE, value: /maps/m.conf}]}]}}}
`,
    );
    expect(code).toBe(0);
    expect(out).toContain('prefix: quay.example.com\n');
    expect(out).toContain('mapFile: /maps/m.conf\n');
  });

  test.each([
    ['default::', 'FILE: default: got ""'],
    ['kind: ConfigMap\ndata: {IMAGESWAP_MODE: LEGACY}', 'FILE: IMAGE_PREFIX: got ""'],
    [
      'kind: ConfigMap\ndata: {IMAGESWAP_MODE: LEGACY, IMAGE_PREFIX: r.example.com/a-}',
      'FILE: IMAGE_PREFIX: got "r.example.com/a-", wanted a map file in its place, with the line "default::r.example.com/a-"',
    ],
    ['kind: ConfigMap\ndata: {IMAGESWAP_MODE: MAPS}', 'FILE: got no map'],
    ['kind: [', 'FILE: holds no manifests'],
  ])('refuses %j', async (content, fault) => {
    const { code, out, err } = await migrate('imageswap', content);
    expect({ code, out }).toEqual({ code: 2, out: '' });
    expect(err).toContain(fault);
  });
});

describe('image-cloner migrate image-cloner', () => {
  test('keeps the names of the one that was written in Go', async () => {
    const { code, out } = await migrateFile('image-cloner', examplePath('image-cloner.yaml'));
    expect(code).toBe(0);
    expect(out).toContain('certFile: /etc/tls/server.crt\n  keyFile: /etc/tls/server.key\n');
    expect(
      await planned(out.replace('quay.io', 'quay.io/gauravgahlot'), 'alpine:3.12', 'ghcr.io/b/app:1'),
    ).toEqual([
      ['copy', 'quay.io/gauravgahlot/alpine:3.12'],
      ['copy', 'quay.io/gauravgahlot/app:1'],
    ]);
  });

  test('leaves the registry to the user name where it was, and the places of certificates that are ours', async () => {
    const { code, out } = await migrate(
      'image-cloner',
      'kind: Deployment\nspec: {template: {spec: {containers: [{args: [-tls-cert-file, /tls/tls.crt]}]}}}',
    );
    expect([code, out.split('\n').filter((line) => !line.startsWith('#'))]).toEqual([
      0,
      ['registry:', '  naming: basename', ''],
    ]);
  });

  test('looks into no Secret', async () => {
    const { out } = await migrate(
      'image-cloner',
      'kind: Secret\nstringData: {REGISTRY: hunter2}\nenv: [{name: REGISTRY, value: hunter2}]',
    );
    expect(out).not.toContain('hunter2');
  });

  test('refuses what is no registry', async () => {
    const { code, err } = await migrate('image-cloner', 'env: [{name: REGISTRY, value: "https://quay.io"}]');
    expect(code).toBe(2);
    expect(err).toContain('FILE: REGISTRY: got "https://quay.io", wanted a registry');
  });
});

test('image-cloner migrate knows no other formats', async () => {
  const { code, err } = await migrate('something', '');
  expect(code).toBe(2);
  expect(err).toContain('image-cloner, imageswap, ecr-pull-through, palette');
});
