import { execFile } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import { chmod, copyFile, mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

/** The command as a user runs it, on a checkout of its own that has only the template. */
const GEN = fileURLToPath(new URL('gen.ts', import.meta.url));
const TEMPLATE = fileURLToPath(new URL('../deploy/image-cloner-webhook.yaml.template', import.meta.url));

const PRIVATE_FILES = [
  'tls/out/ca.key',
  'tls/out/tls.key',
  'tls/out/agent.key',
  'tls/out/client.key',
  'deploy/image-cloner-tls.yaml',
  'deploy/agent/image-cloner-agent-tls.yaml',
  'deploy/agent/image-cloner-agents.yaml',
];
const PUBLIC_FILES = [
  'tls/out/ca.crt',
  'tls/out/tls.crt',
  'tls/out/agent.crt',
  'tls/out/client.crt',
  'deploy/image-cloner-webhook.yaml',
];

let root: string;

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'image-cloner-gen-'));
  await mkdir(join(root, 'deploy'));
  await copyFile(TEMPLATE, join(root, 'deploy/image-cloner-webhook.yaml.template'));
});

afterEach(async () => {
  await rm(root, { recursive: true });
});

interface Run {
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs with the laxest umask: what is private has to be so by itself. */
function gen(...args: string[]): Promise<Run> {
  const command = ['-c', 'umask 000 && exec "$@"', 'sh', process.execPath, GEN, '--root', root, ...args];
  return new Promise((resolve) => {
    const child = execFile('/bin/sh', command, (_error, stdout, stderr) => {
      resolve({ status: child.exitCode ?? -1, stdout, stderr });
    });
  });
}

async function mode(path: string): Promise<string> {
  return ((await stat(join(root, path))).mode & 0o777).toString(8);
}

function read(path: string): Promise<string> {
  return readFile(join(root, path), 'utf8');
}

async function lastDay(path: string): Promise<string> {
  return new X509Certificate(await read(path)).validToDate.toISOString().slice(0, 10);
}

describe('gen', () => {
  it('says what it wrote and until when it is valid', async () => {
    const { status, stdout, stderr } = await gen('--days', '30', '--namespace', 'tools');
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    expect(stdout.split('\n')).toEqual([
      expect.stringMatching(
        `^tls/out/ca.crt +new authority, valid until ${await lastDay('tls/out/ca.crt')}$`,
      ),
      expect.stringMatching(
        `^tls/out/tls.crt +new certificate, valid until ${await lastDay('tls/out/tls.crt')}, for image-cloner.tools.svc,`,
      ),
      expect.stringMatching('^deploy/image-cloner-tls.yaml  '),
      expect.stringMatching('^deploy/agent/image-cloner-agent-tls.yaml  '),
      expect.stringMatching('^deploy/agent/image-cloner-agents.yaml  '),
      expect.stringMatching('^deploy/image-cloner-webhook.yaml .*trusts this authority$'),
      '',
    ]);
  });

  it('lets nobody else read a key, whatever the umask', async () => {
    await gen();
    expect(await mode('tls/out')).toBe('700');
    expect(await Promise.all(PRIVATE_FILES.map(mode))).toEqual(PRIVATE_FILES.map(() => '600'));
    expect(await Promise.all(PUBLIC_FILES.map(mode))).toEqual(PUBLIC_FILES.map(() => '644'));
  });

  it('puts a key into no other file, and on no terminal', async () => {
    const { stdout, stderr } = await gen();
    const webhook = await read('deploy/image-cloner-webhook.yaml');
    const bundle = Buffer.from(/caBundle: "?([\w+/=]+)/.exec(webhook)?.[1] ?? '', 'base64').toString();
    expect(bundle).toContain('BEGIN CERTIFICATE');
    for (const text of [stdout, stderr, bundle, ...(await Promise.all(PUBLIC_FILES.map(read)))]) {
      expect(text).not.toContain('PRIVATE KEY');
    }
    expect((await readdir(join(root, 'tls/out'))).toSorted()).toEqual([
      'agent.crt',
      'agent.key',
      'ca.crt',
      'ca.key',
      'client.crt',
      'client.key',
      'tls.crt',
      'tls.key',
    ]);
  });

  it('counts the authorities that are still trusted', async () => {
    await gen();
    expect((await gen('--new-authority')).stdout).toContain('trusts this authority and 1 earlier\n');
    const { stdout } = await gen();
    expect(stdout).toContain(' kept authority, valid until ');
    expect(stdout).toContain('trusts this authority and 1 earlier\n');
  });

  it('warns when the key of the authority was open to others', async () => {
    await gen();
    await chmod(join(root, 'tls/out/ca.key'), 0o640);
    expect((await gen()).stderr).toBe(
      'gen: tls/out/ca.key was open to others until now, consider --new-authority\n',
    );
    await chmod(join(root, 'tls/out/ca.key'), 0o640);
    expect((await gen('--new-authority')).stderr).toBe('');
  });

  it.each([
    [['--namespace', 'Tools'], 'gen: use --namespace "Tools": want the name of a namespace'],
    [['stray'], "gen: Unexpected argument 'stray'"],
  ])('refuses %j with status 2, and writes nothing', async (args, message) => {
    const { status, stdout, stderr } = await gen(...args);
    expect({ status, stdout }).toEqual({ status: 2, stdout: '' });
    expect(stderr).toContain(message);
    expect(stderr).toMatch(/\(see --help\)\n$/);
    expect(stderr).not.toContain('    at ');
    expect(await readdir(root)).toEqual(['deploy']);
  });

  it('fails with status 1 and one line when a folder is in the way', async () => {
    await mkdir(join(root, 'tls'));
    await writeFile(join(root, 'tls/out'), '');
    expect(await gen()).toEqual({
      status: 1,
      stdout: '',
      stderr: `gen: make the folder "${join(root, 'tls/out')}": EEXIST\n`,
    });
  });

  it('--help explains itself and writes nothing', async () => {
    expect(await gen('--help')).toMatchObject({
      status: 0,
      stdout: expect.stringMatching(/^usage: npm run -s gen/),
    });
    expect(await readdir(root)).toEqual(['deploy']);
  });
});
