import { once } from 'node:events';
import { createSecureServer } from 'node:http2';
import type { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { request } from 'undici';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { type CertificatePair, makeAuthority, makeServerCertificate } from '../../tls/certificate.ts';
import { type MadeImage, makeImage } from '../images/image.ts';
import { pushImage, repositoryAt } from '../images/push.ts';
import { makeBaseImage } from './harness/base-image.ts';
import { type CommandResult, output, run } from './harness/command.ts';
import { ControlPlane } from './harness/control-plane.ts';
import { DockerEngine } from './harness/docker-engine.ts';
import { statusOf } from './harness/http-status.ts';
import { canRun } from './harness/need.ts';
import { MissingPartError, programOf } from './harness/part.ts';
import { Process, StartError } from './harness/process.ts';
import { RegistryServer } from './harness/registry-server.ts';
import { WorkFolder } from './harness/work-folder.ts';

// The parts that the other end-to-end tests stand on: each is started, used once and stopped.

describe('a part', () => {
  it('that is missing says how to get it', () => {
    expect(findNothing).toThrow(MissingPartError);
    expect(findNothing).toThrow('Cannot find "no-such-program", get it with: test/parts/provide.sh zot');
  });
});

describe('a process', () => {
  const folder = new WorkFolder('process');
  afterAll(() => folder.remove());

  it('that ends before it is ready fails with the end of its log', async () => {
    const options = {
      command: 'sh',
      args: ['-c', 'echo no such port; exit 3'],
      logFile: folder.logFile('sh'),
    };
    const start = Process.start(options, async () => false);
    await expect(start).rejects.toThrow(StartError);
    await expect(start).rejects.toThrow(/it ended with code 3; its log ends:\nno such port/);
  });

  it('ends when the tests end, even when those are killed', async () => {
    const args = ['-c', 'echo begun; exec sleep 600'];
    const options = JSON.stringify({ command: 'sh', args, logFile: folder.logFile('sleep') });
    const script = `
      import { readFileSync } from 'node:fs';
      import { Process } from '${import.meta.dirname}/harness/process.ts';
      const options = ${options};
      // Not before it is bound to us, which is a program of its own.
      const { pid } = await Process.start(options, async () => readFileSync(options.logFile, 'utf8') !== '');
      console.log(pid);
      process.kill(process.pid, 'SIGKILL');`;
    const { stdout } = await run(process.execPath, ['--input-type=module', '--eval', script]);
    await expect.poll(() => isRunning(Number(stdout))).toBe(false);
  });
});

describe.runIf(canRun('docker-registry'))('docker-registry', () => {
  let registry: RegistryServer;
  let image: MadeImage;

  beforeAll(async () => {
    registry = await RegistryServer.start();
    image = await makeImage();
  });
  afterAll(() => registry.close());

  it('keeps an image over a restart at the same address', async () => {
    await pushImage(repositoryAt(registry.url, 'library/app'), image, '1.0');
    await registry.stop();
    // Over a connection of its own: one that was kept would break in another way.
    await expect(statusOf(registry.url)).rejects.toThrow('ECONNREFUSED');
    await registry.start();
    await expect(digestAt(registry, 'library/app', '1.0')).resolves.toBe(image.content.descriptor.digest);
  });

  it('tells each request it answered', async () => {
    const before = await registry.requests();
    await request(`${registry.url}/v2/no/such/manifests/thing?n=1`, { method: 'HEAD' });
    const after = await registry.requests();
    const wanted = { method: 'HEAD', path: '/v2/no/such/manifests/thing?n=1', status: 404 };
    expect(after.slice(before.length)).toEqual([wanted]);
  });
});

describe.runIf(canRun('docker-registry', 'htpasswd'))('docker-registry with users', () => {
  let registry: RegistryServer;

  beforeAll(async () => {
    registry = await RegistryServer.start({ users: { ada: 'love:lace' } });
  });
  afterAll(() => registry.close());

  it.each([
    ['the right password', 'ada:love:lace', 200],
    ['a wrong password', 'ada:lovelace', 401],
    ['an unknown user', 'bob:love:lace', 401],
  ])('answers %s', async (_, credentials, status) => {
    const authorization = `Basic ${Buffer.from(credentials).toString('base64')}`;
    const answer = await request(`${registry.url}/v2/`, { headers: { authorization } });
    expect(answer.statusCode).toBe(status);
  });
});

describe.runIf(canRun('docker-registry', 'mounts'))('docker-registry with little room', () => {
  it('refuses a layer that does not fit', async () => {
    const registry = await RegistryServer.start({ storageBytes: 2 * 1024 ** 2 });
    try {
      const place = repositoryAt(registry.url, 'app');
      await pushImage(place, await makeImage({ layers: [{ size: 1024 ** 2, seed: 1 }] }), 'fits');
      const push = pushImage(place, await makeImage({ layers: [{ size: 4 * 1024 ** 2, seed: 2 }] }), 'large');
      await expect(push).rejects.toThrow(/wanted 201, got 5\d\d/);
    } finally {
      await registry.close();
    }
  });
});

describe.runIf(canRun('docker-registry', 'crane', 'skopeo'))('docker-registry over HTTPS', () => {
  let folder: WorkFolder;
  let registry: RegistryServer;

  beforeAll(async () => {
    folder = new WorkFolder('layer');
    const { server } = await certificates('127.0.0.1');
    registry = await RegistryServer.start({ tls: server });
  });
  afterAll(async () => {
    await registry.close();
    await folder.remove();
  });

  it('serves crane and skopeo', async () => {
    const name = `${registry.host}/app:1.0`;
    const layer = folder.write('layer.tar', '');
    await output(programOf('crane'), ['append', '--insecure', '-f', layer, '-t', name]);
    const digest = await output(programOf('crane'), ['digest', '--insecure', name]);
    const args = ['inspect', '--tls-verify=false', '--format', '{{.Digest}}', `docker://${name}`];
    await expect(output(programOf('skopeo'), args)).resolves.toBe(digest);
  });
});

describe.runIf(canRun('etcd', 'kube-apiserver', 'kubectl', 'mounts'))('the control plane', () => {
  const host = 'image-cloner.image-cloner.svc';
  let plane: ControlPlane;

  beforeAll(async () => {
    plane = await ControlPlane.start({ hosts: { [host]: '127.0.0.1' } });
  });
  afterAll(() => plane.stop());

  it('stores a Deployment', async () => {
    const created = await plane.kubectl(['create', 'deployment', 'alpine', '--image=alpine:3.12']);
    expect(created).toEqual({ code: 0, stdout: 'deployment.apps/alpine created\n', stderr: '' });
  });

  it('calls a webhook by the name of its Service, over HTTP/1.1', async () => {
    const hook = await startHook(host);
    const applied = await plane.kubectl(['apply', '--filename', '-'], { input: hook.configuration });
    expect(applied.stderr).toBe('');
    await expect.poll(() => createAsTrial(plane)).toMatchObject({ stderr: 'Warning: seen\n' });
    expect(hook.calls[0]).toBe(`HTTP/1.1 ${host} /clone-image`);
    hook.close();
  });
});

describe.runIf(canRun('dockerd', 'busybox', 'root'))('the Docker engine', () => {
  let engine: DockerEngine;
  let base: string;

  beforeAll(async () => {
    engine = await DockerEngine.start();
    base = await makeBaseImage(engine);
  });
  afterAll(() => engine.stop());

  it.each(['0', '1'])('builds on a base made here, with DOCKER_BUILDKIT=%s', async (DOCKER_BUILDKIT) => {
    const input = `FROM ${base}\nRUN npm --version && node --print 'process.version' >/version\n`;
    const args = ['build', '--network=host', '--tag', 'built', '-'];
    const built = await engine.docker(args, { input, environment: { DOCKER_BUILDKIT } });
    expect(built).toMatchObject({ code: 0 });
    const ran = await engine.docker(['run', '--rm', '--network=host', 'built', 'cat', '/version']);
    expect(ran).toEqual({ code: 0, stdout: `${process.version}\n`, stderr: '' });
  });

  it('runs Node on a read-only file system as a user who is not root', async () => {
    const script =
      "try { fs.writeFileSync('/file', '') } catch (error) { console.log(process.getuid(), error.code) }";
    const options = ['--rm', '--network=host', '--read-only', '--user=65532:65532'];
    const ran = await engine.docker(['run', ...options, base, 'node', '--eval', script]);
    expect(ran).toEqual({ code: 0, stdout: '65532 EROFS\n', stderr: '' });
  });
});

function findNothing(): string {
  return programOf('zot', 'no-such-program');
}

/** Signal 0 is not sent, but whether it could be is checked (POSIX, kill). */
function isRunning(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

async function digestAt(registry: RegistryServer, repository: string, tag: string): Promise<string> {
  const accept = 'application/vnd.oci.image.manifest.v1+json';
  const url = `${registry.url}/v2/${repository}/manifests/${tag}`;
  const { headers } = await request(url, { method: 'HEAD', headers: { accept } });
  return String(headers['docker-content-digest']);
}

async function certificates(name: string): Promise<{ authority: CertificatePair; server: CertificatePair }> {
  const authority = await makeAuthority({ name: 'image-cloner e2e', days: 1 });
  return { authority, server: await makeServerCertificate(authority, { names: [name], days: 1 }) };
}

interface Hook {
  /** What to apply to have it called. */
  readonly configuration: string;
  /** Protocol, host and path of each call. */
  readonly calls: readonly string[];
  readonly close: () => void;
}

/** A webhook that allows everything with a warning, over HTTP/2 to whom asks for it. */
async function startHook(host: string): Promise<Hook> {
  const { authority, server } = await certificates(host);
  const calls: string[] = [];
  const listener = createSecureServer({ key: server.key, cert: server.certificate, allowHTTP1: true });
  listener.on('request', (incoming, response) => {
    const { httpVersion, headers, url } = incoming;
    calls.push(`HTTP/${httpVersion} ${headers.host?.split(':')[0]} ${url.split('?')[0]}`);
    response.setHeader('content-type', 'application/json');
    void allow(incoming).then((review) => response.end(review));
  });
  await once(listener.listen(0, '127.0.0.1'), 'listening');
  const { port } = z.object({ port: z.number() }).parse(listener.address());
  return {
    configuration: configurationFor(`https://${host}:${port}/clone-image`, authority.certificate),
    calls,
    close: () => void listener.close(),
  };
}

const Review = z.object({ request: z.object({ uid: z.string() }) });

async function allow(incoming: Readable): Promise<string> {
  const { uid } = Review.parse(JSON.parse(await text(incoming))).request;
  const response = { uid, allowed: true, warnings: ['seen'] };
  return JSON.stringify({ apiVersion: 'admission.k8s.io/v1', kind: 'AdmissionReview', response });
}

/** Fails what it cannot be asked about, so that the test sees why. */
function configurationFor(url: string, authority: string): string {
  const rule = {
    apiGroups: ['apps'],
    apiVersions: ['v1'],
    operations: ['CREATE'],
    resources: ['deployments'],
  };
  const webhook = {
    name: 'parts.image-cloner.dev',
    admissionReviewVersions: ['v1'],
    sideEffects: 'None',
    failurePolicy: 'Fail',
    clientConfig: { url, caBundle: Buffer.from(authority).toString('base64') },
    rules: [rule],
  };
  return JSON.stringify({
    apiVersion: 'admissionregistration.k8s.io/v1',
    kind: 'MutatingWebhookConfiguration',
    metadata: { name: 'parts' },
    webhooks: [webhook],
  });
}

/** The API server learns of a new webhook a moment after it is stored. */
function createAsTrial(plane: ControlPlane): Promise<CommandResult> {
  return plane.kubectl(['create', 'deployment', 'trial', '--image=alpine:3.12', '--dry-run=server']);
}
