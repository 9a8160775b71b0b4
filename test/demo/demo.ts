import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { makeAuthority, makeServerCertificate } from '../../tls/certificate.ts';
import { freePort } from '../e2e/harness/free-port.ts';
import { makeImage, makeIndex } from '../images/image.ts';
import { pushImage, repositoryAt } from '../images/push.ts';
import { createDeployment } from './deployment.ts';
import { Program } from './program.ts';

// What image-cloner does, on this machine and without a cluster: a "public" registry with an image in it, a backup
// registry, the webhook, and in the place of the API server this script, which sends what an API server would.

const folder = await mkdtemp(join(tmpdir(), 'image-cloner-demo-'));
const running: Program[] = [];

try {
  await demonstrate();
} finally {
  for (const program of running.toReversed()) await program.stop();
  await rm(folder, { recursive: true });
}

async function demonstrate(): Promise<void> {
  say('A public registry with the image library/alpine:3.12 (two platforms), and an empty backup registry');
  const source = await startRegistry('public');
  const backup = await startRegistry('backup');
  await pushAlpine(source.url);

  say('The webhook, with a certificate of its own');
  const { url, authority } = await startWebhook(source.host, backup.host);

  const image = `${source.host}/library/alpine:3.12`;
  say(`kubectl create deployment alpine --image=${image}`);
  show(image, await createDeployment(url, authority, { name: 'alpine', image }));

  say('The public registry goes away');
  await source.program.stop();

  say(`kubectl create deployment later --image=${image}`);
  const later = await createDeployment(url, authority, { name: 'later', image });
  show(image, later);
  if (!later.image.startsWith(backup.host))
    throw new Error('the demo failed: the second Deployment does not use the copy');
  say('The copy is used although its source is gone. That is all there is to it.');
}

async function startRegistry(name: string): Promise<{ program: Program; host: string; url: string }> {
  const host = `127.0.0.1:${await freePort()}`;
  const args = ['registry', '--dir', join(folder, name), '--listen', host];
  const program = await Program.start({ args, probe: `http://${host}/v2/` });
  running.push(program);
  return { program, host, url: `http://${host}` };
}

async function pushAlpine(registry: string): Promise<void> {
  const images = ['amd64', 'arm64'].map((architecture, at) =>
    makeImage({
      platform: { os: 'linux', architecture },
      layers: [
        { size: 3_000_000, seed: at * 2 + 1 },
        { size: 40_000, seed: at * 2 + 2 },
      ],
    }),
  );
  await pushImage(repositoryAt(registry, 'library/alpine'), makeIndex(await Promise.all(images)), '3.12');
}

async function startWebhook(
  sourceHost: string,
  backupHost: string,
): Promise<{ url: string; authority: string }> {
  const authority = await makeAuthority({ name: 'demo', days: 90 });
  const { certificate, key } = await makeServerCertificate(authority, { names: ['localhost'], days: 90 });
  const files = { TLS_CERT_FILE: join(folder, 'tls.crt'), TLS_KEY_FILE: join(folder, 'tls.key') };
  await writeFile(files.TLS_CERT_FILE, certificate);
  await writeFile(files.TLS_KEY_FILE, key, { mode: 0o600 });
  const url = `https://127.0.0.1:${await freePort()}`;
  const environment = {
    ...files,
    REGISTRY: `${backupHost}/backup`,
    REGISTRY_AUTH_DIR: join(folder, 'auth'),
    SOURCES_PLAIN_HTTP: sourceHost,
    LISTEN: new URL(url).host,
    METRICS_LISTEN: '127.0.0.1:0',
    LOG_FORMAT: 'text',
    // Nothing is remembered: the second time the backup registry is asked again.
    COPY_FRESH_SECONDS: '0',
    SHUTDOWN_GRACE_SECONDS: '0',
  };
  const program = await Program.start({
    args: ['serve'],
    environment,
    probe: `${url}/readyz`,
    onLine: (line) => console.log(`    ${line}`),
  });
  running.push(program);
  return { url, authority: authority.certificate };
}

function show(before: string, { image, warnings }: { image: string; warnings: readonly string[] }): void {
  for (const warning of warnings) console.log(`    Warning: ${warning}`);
  console.log(`\n    before  image: ${before}\n    after   image: ${image}`);
}

function say(text: string): void {
  console.log(`\n● ${text}\n`);
}
