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
  const program = start(['migrate', format, file]);
  const code = await program.ended;
  return { code, out: program.out, err: program.err.replaceAll(file, 'FILE') };
}

/** What becomes of images under the configuration that was printed: the copy's name, or the reason to leave them. */
async function planned(configuration: string, ...images: readonly string[]): Promise<readonly unknown[]> {
  const folder = await tempFolder();
  const [config, manifest] = [join(folder, 'config.yaml'), join(folder, 'pod.json')];
  await writeFile(config, configuration);
  await writeFile(manifest, JSON.stringify(pod(containers(...images))));
  const environment = { REGISTRY_AUTH_DIR: join(folder, 'auth') };
  const program = start(['plan', '--json', '--config', config, '-f', manifest], environment);
  expect({ code: await program.ended, err: program.err }).toEqual({ code: 0, err: '' });
  const rows: { action: string; backup?: string; reason?: string }[] = JSON.parse(program.out);
  return rows.map(({ action, backup, reason }) => reason ?? [action, backup]);
}

function example(name: string): Promise<string> {
  return readFile(fileURLToPath(new URL(`../../../deploy/examples/${name}`, import.meta.url)), 'utf8');
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

test('image-cloner migrate knows no other formats', async () => {
  const { code, err } = await migrate('something', '');
  expect(code).toBe(2);
  expect(err).toContain('ecr-pull-through, palette');
});
