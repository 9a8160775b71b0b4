import { mkdir, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { ask, type Peer, type Reply } from '../../../test/fakes/https-client.ts';
import {
  type LoopbackCertificate,
  makeLoopbackCertificate,
} from '../../../test/fakes/loopback-certificate.ts';
import { type RunningProgram, start } from '../../../test/fakes/running-program.ts';
import { type ScriptedRegistry, startRegistry } from '../../../test/fakes/scripted-registry.ts';
import { tempFolder } from '../../../test/fakes/temp-folder.ts';
import { makeImage } from '../../../test/images/image.ts';
import type { Environment } from '../../config/process-environment.ts';

interface Scene {
  readonly certificate: LoopbackCertificate;
  readonly environment: Environment;
  readonly folder: string;
}

/** Everything that `serve` needs to start, on free loopback ports. */
async function scene(environment: Environment = {}): Promise<Scene> {
  const folder = await tempFolder();
  const certificate = await makeLoopbackCertificate(30);
  await writeFile(join(folder, 'tls.crt'), certificate.cert);
  await writeFile(join(folder, 'tls.key'), certificate.key);
  return {
    certificate,
    folder,
    environment: {
      REGISTRY: 'registry.example.com/backup',
      REGISTRY_AUTH_DIR: join(folder, 'auth'),
      TLS_CERT_FILE: join(folder, 'tls.crt'),
      TLS_KEY_FILE: join(folder, 'tls.key'),
      LISTEN: '127.0.0.1:0',
      METRICS_LISTEN: '127.0.0.1:0',
      SHUTDOWN_GRACE_SECONDS: '0',
      LOG_FORMAT: 'json',
      ...environment,
    },
  };
}

interface Served extends Peer {
  readonly program: RunningProgram;
  readonly metricsUrl: string;
}

async function serve({ certificate, environment }: Scene): Promise<Served> {
  const program = start(['serve'], environment);
  onTestFinished(async () => {
    program.signal('SIGTERM');
    await program.ended;
  });
  const { address } = await program.logged('Webhook listening');
  const { address: metricsAddress } = await program.logged('Metrics listening');
  const port = Number(String(address).split(':')[1]);
  return { program, port, ca: certificate.ca, metricsUrl: `http://${String(metricsAddress)}/metrics` };
}

/** The create of a Deployment with one container, as an API server sends it. */
function creation(image: string, uid = 'u-1'): string {
  return JSON.stringify({
    apiVersion: 'admission.k8s.io/v1',
    kind: 'AdmissionReview',
    request: {
      uid,
      kind: { group: 'apps', version: 'v1', kind: 'Deployment' },
      operation: 'CREATE',
      namespace: 'shop',
      name: 'web',
      object: {
        apiVersion: 'apps/v1',
        kind: 'Deployment',
        metadata: { name: 'web', namespace: 'shop' },
        spec: { template: { spec: { containers: [{ name: 'app', image }] } } },
      },
      oldObject: null,
    },
  });
}

function review(peer: Peer, body: string): Promise<Reply> {
  const headers = { 'content-type': 'application/json' };
  return ask(peer, { method: 'POST', path: '/clone-image?timeout=10s', headers, body });
}

/** The patch in an answer, decoded. */
function patchIn({ body }: Reply): { readonly path: string; readonly value: unknown }[] {
  const { response }: { response: { patch?: string } } = JSON.parse(body);
  return JSON.parse(Buffer.from(response.patch ?? 'W10=', 'base64').toString());
}

async function registryWith(...tags: string[]): Promise<ScriptedRegistry> {
  const image = await makeImage({
    layers: [
      { size: 1000, seed: 1 },
      { size: 2000, seed: 2 },
    ],
  });
  const registry = await startRegistry({
    images: tags.map((tag) => ({ repository: 'team/app', tag, image })),
  });
  onTestFinished(() => registry.close());
  return registry;
}

describe('the webhook, started', () => {
  test('is ready, alive and measured, and says where', async () => {
    const { program, metricsUrl, ...peer } = await serve(await scene());
    expect(await ask(peer, { path: '/readyz' })).toMatchObject({ status: 200, body: 'OK' });
    expect(await ask(peer, { path: '/livez' })).toMatchObject({ status: 200, body: 'OK' });
    expect(await (await fetch(metricsUrl)).text()).toMatch(/image_cloner_build_info\{version="\d/);
    expect(program.lines.map((line) => line['msg'])).toEqual([
      'Certificate loaded',
      'Webhook listening',
      'Metrics listening',
    ]);
  });

  test('copies an image and makes the workload use it, a line for each step', async () => {
    const [source, backup] = [await registryWith('1'), await registryWith()];
    const setting = await scene({ REGISTRY: `${backup.host}/backup`, SOURCES_INTERNAL: source.host });
    const { program, metricsUrl, ...peer } = await serve(setting);
    const reply = await review(peer, creation(`${source.host}/team/app:1`));
    const name = `${backup.host}/backup/${source.host.replace(':', '_')}/team/app:1`;
    expect(patchIn(reply)).toContainEqual({
      op: 'replace',
      path: '/spec/template/spec/containers/0/image',
      value: name,
    });
    const about = { uid: 'u-1', operation: 'CREATE', kind: 'Deployment', namespace: 'shop', name: 'web' };
    const names = { source: `${source.host}/team/app:1`, backup: name };
    const layer = {
      msg: 'Layer done',
      pushed: 'pushed',
      digest: expect.stringMatching(/^sha256:/),
      durationMs: expect.any(Number),
    };
    const steps = program.lines.slice(3);
    expect(steps).toMatchObject([
      { msg: 'Request received', ...about },
      { msg: 'Pulling image', ...names, count: 3 },
      layer,
      layer,
      layer,
      {
        msg: 'Image pushed',
        ...names,
        digest: expect.stringMatching(/^sha256:/),
        durationMs: expect.any(Number),
      },
      { msg: 'Copy is made', ...about, ...names },
      { msg: 'Patch applied', ...about, durationMs: expect.any(Number) },
    ]);
    expect(steps.map((line) => line['bytes'])).toEqual(expect.arrayContaining([1000, 2000]));
    const measured = await (await fetch(metricsUrl)).text();
    for (const line of [
      'admission_requests_total{outcome="patched"} 1',
      'copies_total{result="copied"} 1',
      'images_rewritten_total 1',
      'copies_in_progress 0',
    ])
      expect(measured).toContain(`image_cloner_${line}\n`);
  });

  test('uses a copy whose source is gone', async () => {
    const [source, backup] = [await registryWith('1'), await registryWith()];
    const setting = await scene({
      REGISTRY: backup.host,
      SOURCES_INTERNAL: source.host,
      COPY_FRESH_SECONDS: '0',
    });
    const { program, metricsUrl: _, ...peer } = await serve(setting);
    const first = patchIn(await review(peer, creation(`${source.host}/team/app:1`)));
    await source.close();
    expect(patchIn(await review(peer, creation(`${source.host}/team/app:1`, 'u-2')))).toEqual(first);
    expect(program.lines).toContainEqual(
      expect.objectContaining({ level: 'warn', msg: 'Source cannot be asked, its copy is used' }),
    );
  });

  test('allows what cannot be copied, and says why', async () => {
    const [source, backup] = [await registryWith('1'), await registryWith()];
    const setting = await scene({ REGISTRY: backup.host, SOURCES_INTERNAL: source.host });
    const { program, metricsUrl: _, ...peer } = await serve(setting);
    const reply = await review(peer, creation(`${source.host}/team/app:missing`));
    expect(JSON.parse(reply.body)).toMatchObject({
      response: { uid: 'u-1', allowed: true, warnings: [expect.any(String)] },
    });
    expect(patchIn(reply)).toEqual([]);
    expect(await program.logged('Copy failed')).toMatchObject({
      level: 'error',
      error: { code: expect.any(String) },
    });
  });

  test('gives the credentials of the backup registry to no source', async () => {
    const both = await startRegistry({
      auth: { basic: { username: 'backup', password: 'hunter2-hunter2' } },
    });
    onTestFinished(() => both.close());
    const setting = await scene({ REGISTRY: `${both.host}/backup`, SOURCES_INTERNAL: both.host });
    await mkdir(join(setting.folder, 'auth'));
    await writeFile(join(setting.folder, 'auth/username'), 'backup');
    await writeFile(join(setting.folder, 'auth/password'), 'hunter2-hunter2');
    const { program, metricsUrl: _, ...peer } = await serve(setting);
    await both.seed({ repository: 'private/app', tag: '1', image: await makeImage() });
    expect(patchIn(await review(peer, creation(`${both.host}/private/app:1`)))).toEqual([]);
    const asked = both.requests(undefined, /\/v2\/private\//);
    expect(asked.length).toBeGreaterThan(0);
    expect(asked.filter(({ headers }) => headers.authorization !== undefined)).toEqual([]);
    expect(JSON.stringify(program.lines)).not.toContain('hunter2');
  });

  test('takes a user name for a prefix without a path', async () => {
    const backup = await startRegistry({
      auth: { basic: { username: 'backup', password: 'secret-secret' } },
    });
    onTestFinished(() => backup.close());
    const source = await registryWith('1');
    const setting = await scene({
      REGISTRY: backup.host,
      SOURCES_INTERNAL: source.host,
      REGISTRY_NAMING: 'flat',
    });
    await mkdir(join(setting.folder, 'auth'));
    await writeFile(join(setting.folder, 'auth/username'), 'backup');
    await writeFile(join(setting.folder, 'auth/password'), 'secret-secret');
    const { program: _, metricsUrl: __, ...peer } = await serve(setting);
    const [patch] = patchIn(await review(peer, creation(`${source.host}/team/app:1`)));
    expect(patch?.value).toMatch(new RegExp(`^${backup.host}/backup/[a-z0-9-]+-[0-9a-f]{10}:1$`));
  });

  test.each([
    ['no JSON', 'hello', 'application/json', 400],
    ['another content type', '{}', 'text/plain', 415],
    ['no review', '{}', 'application/json', 400],
  ])('answers %s with a fault, and lives on', async (_name, body, type, status) => {
    const { program, metricsUrl: _, ...peer } = await serve(await scene());
    const reply = await ask(peer, {
      method: 'POST',
      path: '/clone-image',
      headers: { 'content-type': type },
      body,
    });
    expect(reply.status).toBe(status);
    expect(program.lines.at(-1)).toMatchObject({ level: 'warn', msg: 'Request is no admission review' });
    expect((await ask(peer, { path: '/livez' })).status).toBe(200);
  });
});

describe('the end of the webhook', () => {
  test.each(['SIGTERM', 'SIGINT'] as const)('comes with %s, exit code 0 and a last line', async (signal) => {
    const { program, port, ca } = await serve(await scene());
    program.signal(signal);
    expect(await program.ended).toBe(0);
    expect(program.lines.slice(-2).map((line) => line['msg'])).toEqual([
      'Stopping, still answering',
      'Stopped',
    ]);
    expect(program.left).toEqual([]);
    await expect(ask({ port, ca }, { path: '/livez' })).rejects.toMatchObject({ code: 'ECONNREFUSED' });
  });

  test('waits for a copy in the background, which the next one finds', async () => {
    const [source, backup] = [await registryWith('1'), await registryWith()];
    const held = Promise.withResolvers<void>();
    backup.play({ method: 'PUT', path: /manifests/, wait: held.promise });
    const setting = await scene({
      REGISTRY: backup.host,
      SOURCES_INTERNAL: source.host,
      COPY_WAIT_SECONDS: '0',
    });
    const { program, ...peer } = await serve(setting);
    await review(peer, creation(`${source.host}/team/app:1`));
    await backup.seen('PUT', /manifests/);
    program.signal('SIGTERM');
    await program.logged('Stopping, still answering');
    held.resolve();
    expect(await program.ended).toBe(0);
    expect(program.lines.map((line) => line['msg'])).toContain('Image pushed');
  });

  test('comes at once with a second signal', async () => {
    const { program } = await serve(await scene());
    program.signal('SIGTERM');
    program.signal('SIGTERM');
    expect(program.left).toEqual([143]);
  });
});

describe('a webhook that cannot start', () => {
  test.each<[string, Environment, number, object]>([
    ['without a certificate', { TLS_CERT_FILE: '/nowhere/tls.crt' }, 1, { code: 'BAD_CERTIFICATE' }],
    ['without a place for copies', { REGISTRY: '' }, 2, { code: 'INVALID_PREFIX' }],
    ['on an address of another machine', { LISTEN: '192.0.2.1:0' }, 1, { code: 'CANNOT_LISTEN' }],
    [
      'with metrics on an address of another machine',
      { METRICS_LISTEN: '192.0.2.1:0' },
      1,
      { code: 'CANNOT_LISTEN' },
    ],
  ])('%s says so in its log and ends', async (_name, environment, code, error) => {
    const program = start(['serve'], (await scene(environment)).environment);
    expect(await program.ended).toBe(code);
    expect(program.lines.at(-1)).toMatchObject({ level: 'fatal', msg: 'Cannot start', error });
  });

  test('on a port that is taken says which', async () => {
    const taken = createServer().listen(0, '127.0.0.1');
    onTestFinished(() => void taken.close());
    await new Promise((resolve) => taken.once('listening', resolve));
    const address = taken.address();
    const port = typeof address === 'object' ? address?.port : undefined;
    const program = start(['serve'], (await scene({ LISTEN: `127.0.0.1:${port}` })).environment);
    expect(await program.ended).toBe(1);
    expect(program.lines.at(-1)).toMatchObject({
      error: { message: expect.stringContaining(`"127.0.0.1:${port}"`) },
    });
  });

  test('with a wrong configuration ends with 2 before it logs', async () => {
    const program = start(['serve'], { COPY_ON_PENDING: 'maybe' });
    expect(await program.ended).toBe(2);
    expect(program.lines).toEqual([]);
    expect(program.err).toContain('COPY_ON_PENDING: got "maybe", wanted allow, rewrite or deny');
  });
});
