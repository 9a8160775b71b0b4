import { chmodSync, chownSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { parse } from 'yaml';
import { z } from 'zod';
import { makeAuthority, makeServerCertificate } from '../../tls/certificate.ts';
import { ask, type Reply } from '../fakes/https-client.ts';
import { makeBaseImage } from './harness/base-image.ts';
import { output } from './harness/command.ts';
import { DockerEngine } from './harness/docker-engine.ts';
import { freePort } from './harness/free-port.ts';
import { statusOf } from './harness/http-status.ts';
import { canRun } from './harness/need.ts';
import { programOf } from './harness/part.ts';
import { WorkFolder } from './harness/work-folder.ts';

const CHECKOUT = fileURLToPath(new URL('../../', import.meta.url));
const IMAGE = 'image-cloner:e2e';

/** Containers on two busy cores take seconds to start. */
const SOON = { timeout: 120_000, interval: 200 };

/** As the kubelet mounts a Secret with the deployment's `defaultMode` and `fsGroup`. */
const MOUNTED = 0o440;

const Deployment = z.object({
  spec: z.object({
    template: z.object({
      spec: z.object({
        securityContext: z.object({ runAsUser: z.number(), runAsGroup: z.number() }),
        containers: z.tuple([z.object({ args: z.array(z.string()) })]),
      }),
    }),
  }),
});

const Inspected = z.tuple([
  z.object({
    Config: z.object({
      User: z.string(),
      Entrypoint: z.array(z.string()),
      Cmd: z.array(z.string()),
      Env: z.array(z.string()),
      Labels: z.record(z.string(), z.string()),
    }),
  }),
]);

const MEGABYTE = 1_000_000;

describe.runIf(canRun('dockerd', 'busybox', 'root'))('the container image', () => {
  const folder = new WorkFolder('image');
  let engine: DockerEngine;
  let base: string;

  beforeAll(async () => {
    engine = await DockerEngine.start();
    base = await makeBaseImage(engine);
    await makeBuild();
  });

  afterAll(async () => {
    await engine.stop();
    await folder.remove();
  });

  async function makeBuild(): Promise<void> {
    const client = programOf('dockerd', 'docker');
    const variables = [`DOCKER=${client}`, `BASE=${base}`, `IMAGE=${IMAGE}`, 'BUILD_OPTIONS=--network=host'];
    const environment = { DOCKER_HOST: `unix://${engine.socket}`, DOCKER_CONFIG: folder.file('client') };
    await output('make', ['--directory', CHECKOUT, 'build', ...variables], { environment });
  }

  async function docker(...args: readonly string[]): Promise<string> {
    const { code, stdout, stderr } = await engine.docker(args);
    expect({ code, stderr: code === 0 ? '' : stderr }).toEqual({ code: 0, stderr: '' });
    return stdout;
  }

  async function list(path: string): Promise<string[]> {
    const found = await docker('run', '--rm', '--network=host', '--entrypoint=find', IMAGE, path);
    return found.split('\n').filter((line) => line !== '');
  }

  /** The bytes of all layers together. */
  async function size(name: string): Promise<number> {
    return Number(await docker('image', 'inspect', '--format={{.Size}}', name));
  }

  it('says by whom and how it is run', async () => {
    const [{ Config }] = Inspected.parse(JSON.parse(await docker('image', 'inspect', IMAGE)));
    expect(Config).toMatchObject({
      User: '65532:65532',
      Entrypoint: ['node', '/app/dist/main.cjs'],
      Cmd: ['serve'],
      Labels: { 'org.opencontainers.image.title': 'image-cloner' },
    });
    expect(Config.Env).toContain('NODE_ENV=production');
  });

  it('holds the program and what it needs to run, and nothing that it is built or tested with', async () => {
    const files = await list('/app');
    expect(files).toContain('/app/dist/main.cjs');
    expect(files).toContain('/app/dist/chunks/proto/content.proto');
    expect(files).toContain('/app/dist/THIRD-PARTY-NOTICES.txt');
    expect(files.filter((file) => /^\/app\/(?!dist|package\.json$)./.test(file))).toEqual([]);
    expect(files.filter((file) => /^\/app\/dist\/.*(\.test\.|\.ts$|\.map$)/.test(file))).toEqual([]);
    expect((await size(IMAGE)) - (await size(base))).toBeLessThan(12 * MEGABYTE);
  });

  it('does not tell where its packages came from', async () => {
    const history = await docker('history', '--no-trunc', IMAGE);
    expect(history).toContain('/app/dist/main.cjs');
    expect(history).not.toMatch(/NPM_CONFIG_REGISTRY|npm ci/);
  });

  describe('with the arguments, the user and the mounts of the deployment', () => {
    const manifest: unknown = parse(readFileSync(`${CHECKOUT}deploy/deployment.yaml`, 'utf8'));
    const { securityContext, containers: shipped } = Deployment.parse(manifest).spec.template.spec;
    const name = 'webhook';
    let ca: string;
    let port: number;
    let metricsPort: number;

    beforeAll(async () => {
      [port, metricsPort] = [await freePort(), await freePort()];
      ca = await writeCertificate();
      await docker(
        'run',
        '--detach',
        `--name=${name}`,
        ...confined(),
        ...settings(),
        IMAGE,
        ...shipped[0].args,
      );
      await vi.waitUntil(async () => (await answer('/readyz').catch(() => undefined))?.status === 200, SOON);
    });

    async function writeCertificate(): Promise<string> {
      const authority = await makeAuthority({ name: 'image-cloner e2e', days: 1 });
      const server = await makeServerCertificate(authority, { names: ['127.0.0.1'], days: 1 });
      mount('tls.crt', server.certificate);
      mount('tls.key', server.key);
      return authority.certificate;
    }

    function mount(file: string, text: string): void {
      const path = folder.write(file, text);
      chownSync(path, 0, securityContext.runAsGroup);
      chmodSync(path, MOUNTED);
      chmodSync(folder.path, 0o755);
    }

    function confined(): readonly string[] {
      const user = `--user=${securityContext.runAsUser}:${securityContext.runAsGroup}`;
      const rights = ['--read-only', '--cap-drop=ALL', '--security-opt=no-new-privileges', '--memory=512m'];
      return ['--network=host', user, ...rights];
    }

    function settings(): readonly string[] {
      const mounts = ['tls.crt', 'tls.key'].map((file) => `--volume=${folder.file(file)}:/tls/${file}:ro`);
      const listen = [`--env=LISTEN=127.0.0.1:${port}`, `--env=METRICS_LISTEN=127.0.0.1:${metricsPort}`];
      return [...mounts, ...listen, '--env=REGISTRY=registry.test/backup', '--env=SHUTDOWN_GRACE_SECONDS=1'];
    }

    function answer(path: string, body?: string): Promise<Reply> {
      const headers = { 'content-type': 'application/json' };
      return ask({ port, ca }, { path, ...(body !== undefined && { method: 'POST', headers, body }) });
    }

    it.each(['/readyz', '/readz'])('answers OK at %s', async (path) => {
      expect(await answer(path)).toMatchObject({ status: 200, body: 'OK' });
    });

    it('is alive, and tells its metrics on their own port', async () => {
      expect((await answer('/livez')).status).toBe(200);
      expect((await answer('/metrics')).status).toBe(404);
      expect(await statusOf(`http://127.0.0.1:${metricsPort}/metrics`)).toBe(200);
    });

    it('reviews a Deployment', async () => {
      const containers = [{ name: 'main', image: 'registry.test/backup/library/alpine:3.12' }];
      const object = {
        apiVersion: 'apps/v1',
        kind: 'Deployment',
        spec: { template: { spec: { containers } } },
      };
      const request = {
        uid: '705ab4f5-6393-11e8-b7cc-42010a800002',
        kind: { group: 'apps', version: 'v1', kind: 'Deployment' },
        resource: { group: 'apps', version: 'v1', resource: 'deployments' },
        namespace: 'shop',
        operation: 'CREATE',
        object,
      };
      const review = { apiVersion: 'admission.k8s.io/v1', kind: 'AdmissionReview', request };
      const { status, body } = await answer('/clone-image', JSON.stringify(review));
      expect({ status, body: JSON.parse(body) }).toMatchObject({
        status: 200,
        body: { response: { uid: request.uid, allowed: true } },
      });
    });

    it('is not root and cannot write anywhere', async () => {
      expect(await docker('exec', name, 'id', '-u')).toBe(`${securityContext.runAsUser}\n`);
      for (const path of ['/app/x', '/tmp/x', '/tls/x', '/x']) {
        expect((await engine.docker(['exec', name, 'touch', path])).code).not.toBe(0);
      }
    });

    async function logged(): Promise<readonly string[]> {
      const lines = (await docker('logs', name)).split('\n').filter((line) => line !== '');
      return lines.map(
        (line) => z.object({ level: z.string(), msg: z.string() }).parse(JSON.parse(line)).msg,
      );
    }

    it('logs lines of JSON', async () => {
      // By way of the daemon, which has them a moment later.
      await expect.poll(logged).toContain('Webhook listening');
    });

    it('ends by itself when it is asked to', async () => {
      await docker('stop', '--time=30', name);
      expect(await docker('inspect', '--format={{.State.ExitCode}} {{.State.OOMKilled}}', name)).toBe(
        '0 false\n',
      );
    });
  });
});
