import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { FakeContainerd } from '../../../test/fakes/containerd.ts';
import { startEngine } from '../../../test/fakes/docker-engine.ts';
import { type RunningProgram, start } from '../../../test/fakes/running-program.ts';
import { never, useStage } from '../../../test/fakes/stage.ts';
import { tempFolder } from '../../../test/fakes/temp-folder.ts';
import { makeImage } from '../../../test/images/image.ts';
import { makeAuthority, makeClientCertificate, makeServerCertificate } from '../../../tls/certificate.ts';
import { AGENT_NAME } from '../../agent/agent-client.ts';
import { Agents } from '../../agent/agents.ts';
import type { AgentsEvent } from '../../agent/event.ts';
import type { Environment } from '../../config/process-environment.ts';
import { OCI_INDEX } from '../../image/media-type.ts';
import { parseReference } from '../../image/reference.ts';

const stage = useStage();
const HELD = 'gone.example.com/team/app:1';

interface Scene {
  readonly environment: Environment;
  readonly asking: (address: string) => { readonly agents: Agents; readonly events: AgentsEvent[] };
}

/** All that an agent needs: certificates of one authority, and a Docker daemon that holds an image. */
async function scene(changes: Environment = {}): Promise<Scene> {
  const folder = await tempFolder();
  const engine = await startEngine({
    store: 'classic',
    images: [{ id: `sha256:${'a'.repeat(64)}`, names: [HELD] }],
  });
  const authority = await makeAuthority({ name: 'test', days: 2 });
  const served = await makeServerCertificate(authority, { names: [AGENT_NAME], days: 1 });
  const client = await makeClientCertificate(authority, { names: ['client'], days: 1 });
  const files = { 'tls.crt': served.certificate, 'tls.key': served.key, 'ca.crt': authority.certificate };
  for (const [name, content] of Object.entries(files)) await writeFile(join(folder, name), content);
  return {
    environment: {
      REGISTRY: 'registry.example.com/backup',
      DOCKER_SOCKET: engine.socket,
      AGENTS_CERT_FILE: join(folder, 'tls.crt'),
      AGENTS_KEY_FILE: join(folder, 'tls.key'),
      AGENTS_CA_FILE: join(folder, 'ca.crt'),
      LISTEN: '127.0.0.1:0',
      METRICS_LISTEN: '127.0.0.1:0',
      SHUTDOWN_GRACE_SECONDS: '0',
      LOG_FORMAT: 'json',
      ...changes,
    },
    asking: (address) => {
      const events: AgentsEvent[] = [];
      const agents = new Agents({
        addresses: [{ host: '127.0.0.1', port: Number(address.split(':')[1]) }],
        identity: async () => ({ cert: client.certificate, key: client.key, ca: authority.certificate }),
        observe: (event) => events.push(event),
      });
      return { agents, events };
    },
  };
}

async function running(
  environment: Environment,
): Promise<{ program: RunningProgram; address: string; metrics: string }> {
  const program = start(['agent'], environment);
  onTestFinished(async () => {
    program.signal('SIGTERM');
    await program.ended;
  });
  const { address } = await program.logged('Agent listening');
  const { address: metrics } = await program.logged('Metrics listening');
  return { program, address: String(address), metrics: `http://${String(metrics)}` };
}

describe('image-cloner agent', () => {
  test('where the platforms of the nodes are wanted, runs without a cluster to ask', async () => {
    const { environment, asking } = await scene({ COPY_PLATFORMS: 'nodes' });
    const { address } = await running(environment);
    expect(await asking(address).agents.find(parseReference(HELD), never)).toMatchObject({ faithful: false });
  });

  test('says what its node holds to those who have a certificate', async () => {
    const { environment, asking } = await scene();
    const { program, address } = await running(environment);
    const { agents } = asking(address);
    expect(await agents.find(parseReference(HELD), never)).toMatchObject({ faithful: false });
    expect(await agents.find(parseReference('gone.example.com/team/other:1'), never)).toBeUndefined();
    expect((await agents.list(never)).map(({ reference }) => reference.path)).toEqual(['team/app']);
    expect(program.lines.filter(({ msg }) => msg === 'Asked for an image')).toMatchObject([
      { source: HELD, held: true },
      { source: 'gone.example.com/team/other:1', held: false },
    ]);
  });

  test('pushes nowhere but below its registry.prefix', async () => {
    const { environment, asking } = await scene();
    const { address } = await running(environment);
    const held = await asking(address).agents.find(parseReference(HELD), never);
    for (const elsewhere of ['evil.example.com/backup/app:1', 'registry.example.com/backupper/app:1'])
      await expect(held?.push(parseReference(elsewhere), '1', {}, never)).rejects.toMatchObject({
        code: 'NOT_ALLOWED',
      });
  });

  test('says in its log what the registry that it pushes to could not take', async () => {
    const subject = (await makeImage()).content.descriptor;
    const signature = await makeImage({ artifactType: 'application/vnd.example.signature', subject });
    const daemon = await FakeContainerd.start();
    onTestFinished(() => daemon.close());
    await daemon.namespace().add('gone.example.com/team/signature:1', signature);
    const registry = await stage.registry({ traits: { referrers: false } });
    const tag = subject.digest.replace(':', '-');
    registry.putManifest('backup/signature', { mediaType: OCI_INDEX, bytes: Buffer.from('[]') }, tag);
    const { environment, asking } = await scene({
      REGISTRY: `${registry.host}/backup`,
      CONTAINERD_SOCKET: daemon.socket,
    });
    const { program, address } = await running(environment);
    const held = await asking(address).agents.find(
      parseReference('gone.example.com/team/signature:1'),
      never,
    );
    await held?.push(parseReference(`${registry.host}/backup/signature:1`), '1', {}, never);
    const { digest } = signature.content.descriptor;
    const told = 'Cannot list a referrer: its tag holds something else, which is left as it is';
    expect(await program.logged(told)).toMatchObject({
      backup: `${registry.host}/backup/signature:${tag}`,
      digest,
    });
  });

  test('tells of its life without a certificate, on another port', async () => {
    const { metrics } = await running((await scene()).environment);
    expect(await (await fetch(`${metrics}/readyz`)).text()).toBe('OK');
    expect(await (await fetch(`${metrics}/metrics`)).text()).toContain('image_cloner_certificate_expiry');
  });

  test('ends at a signal', async () => {
    const { program } = await running((await scene()).environment);
    program.signal('SIGTERM');
    expect(await program.ended).toBe(0);
    expect(program.lines.at(-1)).toMatchObject({ msg: 'Stopped' });
  });

  test.each<[string, Environment, number, string]>([
    ['a daemon', { DOCKER_SOCKET: '' }, 2, 'docker.socket'],
    ['its authority', { AGENTS_CA_FILE: '/nowhere/ca.crt' }, 1, 'Cannot use certificate'],
    ['its certificate', { AGENTS_CERT_FILE: '/nowhere/tls.crt' }, 1, 'Cannot use certificate'],
  ])('does not start without %s', async (_what, changes, code, message) => {
    const { environment } = await scene(changes);
    const given = Object.fromEntries(Object.entries(environment).filter(([, value]) => value !== ''));
    const program = start(['agent'], given);
    expect(await program.ended).toBe(code);
    expect(JSON.stringify(program.lines)).toContain(message);
  });

  test('does not start without a backup registry: it would push anywhere', async () => {
    const { environment } = await scene();
    const { REGISTRY: _registry, ...rest } = environment;
    const program = start(['agent'], rest);
    expect(await program.ended).toBe(2);
    expect(JSON.stringify(program.lines)).toContain('registry.prefix');
  });

  test('explains what it needs', async () => {
    const program = start(['agent', '--help']);
    expect(await program.ended).toBe(0);
    expect(program.out).toContain('agents.certFile');
  });
});
