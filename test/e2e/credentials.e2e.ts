import { chmod } from 'node:fs/promises';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { creating } from '../admission-review.ts';
import { type MadeImage, makeImage } from '../images/image.ts';
import { pushImage, repositoryAt } from '../images/push.ts';
import { containers, pod } from '../workloads.ts';
import { Cloner } from './cloner.ts';
import { statusOf } from './harness/http-status.ts';
import { canRun } from './harness/need.ts';
import { RegistryServer } from './harness/registry-server.ts';
import { WorkFolder } from './harness/work-folder.ts';

// Sources that want a password, and programs of others' protocols that know it: each a script, as on the nodes of a cloud.

const USER = { name: 'reader', password: 'correct-horse' };
const BASIC = `Basic ${Buffer.from(`${USER.name}:${USER.password}`).toString('base64')}`;

/** Docker's protocol: the registry on standard input, the credential on standard output. */
const HELPER = `#!/bin/sh
[ "$1" = get ] || exit 1
read -r registry
printf '{"ServerURL":"%s","Username":"${USER.name}","Secret":"${USER.password}"}' "$registry"
`;

/** The kubelet's: a request and a response of credentialprovider.kubelet.k8s.io/v1. */
const PLUGIN = `#!/bin/sh
grep -q '"kind":"CredentialProviderRequest"' || exit 1
cat <<END
{"apiVersion":"credentialprovider.kubelet.k8s.io/v1","kind":"CredentialProviderResponse","cacheKeyType":"Registry",
"cacheDuration":"1h","auth":{"$REGISTRY":{"username":"${USER.name}","password":"${USER.password}"}}}
END
`;

describe.runIf(canRun('docker-registry', 'htpasswd'))('a source that wants a password', () => {
  let source: RegistryServer;
  let backup: RegistryServer;
  let image: MadeImage;
  let cloner: Cloner | undefined;
  const folder = new WorkFolder('credentials');

  beforeAll(async () => {
    image = await makeImage();
    const users = { [USER.name]: USER.password };
    [source, backup] = await Promise.all([RegistryServer.start({ users }), RegistryServer.start()]);
    for (const name of ['helper', 'plugin', 'nobody'])
      await pushImage(repositoryAt(source.url, name, { authorization: BASIC }), image, '1');
  });

  afterEach(async () => {
    await cloner?.stop();
    cloner = undefined;
  });

  afterAll(async () => {
    await Promise.all([source.close(), backup.close()]);
    await folder.remove();
  });

  async function script(path: string, text: string): Promise<void> {
    await chmod(folder.write(path, text), 0o755);
  }

  /** Has the webhook copy an image. @returns the status of the copy's repository, once the copy has ended */
  async function copied(name: string, settings: Readonly<Record<string, string>>): Promise<number> {
    const running = await Cloner.start({
      REGISTRY: `${backup.host}/copies`,
      SOURCES_PLAIN_HTTP: source.host,
      ...settings,
    });
    cloner = running;
    await running.post(Buffer.from(JSON.stringify(creating(pod(containers(`${source.host}/${name}:1`))))));
    const ends = ['Image pushed', 'Copy failed'];
    await vi.waitFor(() => expect(running.log().some(({ msg }) => ends.includes(msg))).toBe(true), 120_000);
    expect(JSON.stringify(running.log())).not.toContain(USER.password);
    return statusOf(`${backup.url}/v2/copies/${source.host.replace(':', '_')}/${name}/tags/list`);
  }

  it('is read with what a credential helper says', async () => {
    await script('docker-credential-e2e', HELPER);
    const config = { credHelpers: { [source.host]: 'e2e' } };
    const settings = {
      SOURCES_DOCKER_CONFIG: folder.write('config.json', JSON.stringify(config)),
      SOURCES_CREDENTIAL_HELPERS: 'true',
      PATH: `${folder.file('.')}:${process.env['PATH']}`,
    };
    expect(await copied('helper', settings)).toBe(200);
  });

  it("is read with what a kubelet's plugin says", async () => {
    await script('e2e-provider', PLUGIN);
    const provider = {
      name: 'e2e-provider',
      matchImages: [source.host],
      defaultCacheDuration: '1h',
      apiVersion: 'credentialprovider.kubelet.k8s.io/v1',
      env: [{ name: 'REGISTRY', value: source.host }],
    };
    const config = {
      apiVersion: 'kubelet.config.k8s.io/v1',
      kind: 'CredentialProviderConfig',
      providers: [provider],
    };
    const settings = {
      SOURCES_CREDENTIAL_PROVIDERS_CONFIG: folder.write('providers.json', JSON.stringify(config)),
      SOURCES_CREDENTIAL_PROVIDERS_BIN_DIR: folder.file('.'),
    };
    expect(await copied('plugin', settings)).toBe(200);
  });

  it('is not read without', async () => {
    expect(await copied('nobody', {})).toBe(404);
  });
});
