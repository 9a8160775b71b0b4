import { status } from '@grpc/grpc-js';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { FakeContainerd } from '../../test/fakes/containerd.ts';
import { type Message, refusal } from '../../test/fakes/containerd-namespace.ts';
import type { FakeTransfer } from '../../test/fakes/containerd-transfers.ts';
import { makeImage } from '../../test/images/image.ts';
import { parseReference } from '../image/reference.ts';
import { Containerd } from './containerd.ts';
import type { Credential, PullProgress } from './pull-options.ts';

const never = new AbortController().signal;
const APP = parseReference('registry.example:5000/team/app:1');
const ADA: Credential = { kind: 'basic', username: 'ada', password: 'lovelace' };
const TOKEN: Credential = { kind: 'identity-token', token: 'refresh' };
const DIGEST = `sha256:${'d'.repeat(64)}`;

let daemon: FakeContainerd;
let containerd: Containerd;

async function start(...without: readonly string[]): Promise<void> {
  daemon = await FakeContainerd.start({ without });
  containerd = new Containerd({ socket: daemon.socket });
}

afterEach(async () => {
  await containerd.close();
  daemon.close();
});

describe('through the Transfer service', () => {
  let transfers: FakeTransfer[];

  beforeEach(async () => {
    await start('ImageService');
    transfers = [];
    daemon.transfers.perform = async (transfer) => {
      transfers.push(transfer);
    };
  });

  test.each([
    ['a tag', 'team/app:1', 'docker.io/team/app:1'],
    ['a digest', `quay.io/team/app@${DIGEST}`, `quay.io/team/app@${DIGEST}`],
    ['a digest with a tag', `quay.io/team/app:1@${DIGEST}`, `quay.io/team/app@${DIGEST}`],
  ])('%s is asked for and kept by its full name', async (_, source, name) => {
    await containerd.pull(parseReference(source), {}, never);
    expect(transfers).toMatchObject([
      { reference: name, name, platforms: [], hostDir: '/etc/containerd/certs.d' },
    ]);
    expect(daemon.calls).toEqual(['k8s.io Transfer.Transfer']);
  });

  test('platforms, namespace and the folder of hosts are those of the options', async () => {
    const own = new Containerd({
      socket: daemon.socket,
      namespace: 'default',
      platforms: () => [{ os: 'linux', architecture: 'arm', variant: 'v7' }],
      hostsDir: '/etc/hosts.d',
    });
    await own.pull(APP, {}, never);
    await own.close();
    expect(transfers).toMatchObject([
      { platforms: [{ os: 'linux', architecture: 'arm', variant: 'v7' }], hostDir: '/etc/hosts.d' },
    ]);
    expect(daemon.calls).toEqual(['default Transfer.Transfer']);
  });

  test('what was pulled is found', async () => {
    const image = await makeImage();
    daemon.transfers.perform = ({ name }) => daemon.namespace().add(name, image);
    await containerd.pull(APP, {}, never);
    await expect(containerd.find(APP, never)).resolves.toMatchObject({
      digest: image.content.descriptor.digest,
    });
  });

  const PASSWORD = { authType: 'CREDENTIALS', username: 'ada', secret: 'lovelace' };
  const NOTHING = { authType: 'NONE', username: '', secret: '' };

  test.each([
    {
      what: 'a password',
      source: APP,
      credential: ADA,
      host: 'registry.example:5000',
      answer: PASSWORD,
    },
    {
      what: 'an identity token',
      source: APP,
      credential: TOKEN,
      host: 'registry.example:5000',
      answer: { authType: 'REFRESH', username: '', secret: 'refresh' },
    },
    {
      what: 'a password for Docker Hub',
      source: parseReference('app'),
      credential: ADA,
      host: 'registry-1.docker.io',
      answer: PASSWORD,
    },
    { what: 'nothing to a mirror', source: APP, credential: ADA, host: 'mirror.example', answer: NOTHING },
    {
      what: 'nothing to the same name at another port',
      source: APP,
      credential: ADA,
      host: 'registry.example',
      answer: NOTHING,
    },
  ])('the daemon is given $what', async ({ source, credential, host, answer }) => {
    const answers: (Message | undefined)[] = [];
    daemon.transfers.perform = async ({ ask }) => {
      answers.push(await ask(host), await ask(host));
    };
    await containerd.pull(source, { credential }, never);
    expect(answers).toEqual([answer, answer]);
  });

  test('without a credential the daemon is offered none', async () => {
    await containerd.pull(APP, {}, never);
    await expect(transfers[0]?.ask('registry.example:5000')).resolves.toBeUndefined();
    expect(daemon.transfers.streams.size).toBe(0);
  });

  test('the progress of layers is told', async () => {
    const told: PullProgress[] = [];
    daemon.transfers.perform = async ({ tell, ask }) => {
      tell({ event: 'Resolving from OCI Registry', name: '', progress: 0, total: 0 });
      tell({ event: 'waiting', name: `layer-${DIGEST}`, progress: 0, total: 0 });
      tell({ event: 'downloading', name: `layer-${DIGEST}`, progress: 5, total: 9_000_000_000 });
      // What was told before has arrived with the answer.
      await ask('registry.example:5000');
    };
    await containerd.pull(APP, { credential: ADA, onProgress: (one) => told.push(one) }, never);
    const layer = 'dddddddddddd';
    await expect
      .poll(() => told)
      .toEqual([
        { layer, status: 'waiting' },
        { layer, status: 'downloading', bytes: 5, totalBytes: 9_000_000_000 },
      ]);
  });

  test('what the daemon tells of progress is told, though its answer is faster', async () => {
    const told: PullProgress[] = [];
    daemon.transfers.perform = async ({ tell }) => {
      setImmediate(() => {
        for (const hex of ['a', 'b', 'c'])
          tell({ event: 'complete', name: `layer-sha256:${hex.repeat(64)}`, progress: 7, total: 7 });
      });
    };
    await containerd.pull(APP, { onProgress: (one) => told.push(one) }, never);
    expect(told.map(({ layer, status: event }) => `${event} ${layer}`)).toEqual([
      'complete aaaaaaaaaaaa',
      'complete bbbbbbbbbbbb',
      'complete cccccccccccc',
    ]);
  });

  test('a daemon that does not end its telling is waited for no longer than a while', async () => {
    daemon.transfers.leavesOpen = true;
    await expect(containerd.pull(APP, { onProgress: () => {} }, never)).resolves.toBeUndefined();
    await expect.poll(() => daemon.transfers.streams.size).toBe(0);
  });

  test('its streams end with it, whether it worked or not', async () => {
    const options = { credential: ADA, onProgress: () => {} };
    let open = 0;
    daemon.transfers.perform = async () => {
      open = daemon.transfers.streams.size;
    };
    await containerd.pull(APP, options, never);
    expect(open).toBe(2);
    await expect.poll(() => daemon.transfers.streams.size).toBe(0);
    daemon.transfers.perform = () => Promise.reject(refusal(status.UNKNOWN, 'no space left on device'));
    await expect(containerd.pull(APP, options, never)).rejects.toMatchObject({ code: 'REFUSED' });
    await expect.poll(() => daemon.transfers.streams.size).toBe(0);
  });

  test.each([
    'containerd.types.transfer.AuthRequest',
    'containerd.types.transfer.Progress',
    'google.protobuf.Any',
  ])('a broken %s on its streams ends nothing but the pull', async (type) => {
    daemon.transfers.perform = async ({ babble, ask }) => {
      babble(type);
      await ask('registry.example:5000');
      await ask('registry.example:5000');
      throw refusal(status.UNKNOWN, 'enough');
    };
    await expect(
      containerd.pull(APP, { credential: ADA, onProgress: () => {} }, never),
    ).rejects.toMatchObject({
      code: 'REFUSED',
    });
  });

  test('it can be stopped', async () => {
    const stopping = new AbortController();
    daemon.transfers.perform = () => {
      stopping.abort();
      return new Promise(() => {});
    };
    await expect(containerd.pull(APP, { credential: ADA }, stopping.signal)).rejects.toMatchObject({
      code: 'ABORTED',
    });
    await expect.poll(() => daemon.transfers.streams.size).toBe(0);
  });

  test('it is not begun when it was stopped before', async () => {
    await expect(containerd.pull(APP, { credential: ADA }, AbortSignal.abort())).rejects.toMatchObject({
      code: 'ABORTED',
    });
    await expect(containerd.pull(APP, {}, AbortSignal.abort())).rejects.toMatchObject({ code: 'ABORTED' });
    expect(transfers).toEqual([]);
  });

  test.each([
    [status.NOT_FOUND, 'failed to resolve image: x: not found', 'NOT_FOUND'],
    [status.UNKNOWN, 'unexpected status from HEAD request to https://x: 401 Unauthorized', 'UNAUTHORIZED'],
    [status.UNKNOWN, 'pull access denied, repository does not exist', 'UNAUTHORIZED'],
    [status.UNAVAILABLE, 'unexpected status from GET request: 429 Too Many Requests', 'RATE_LIMITED'],
    [status.UNKNOWN, 'dial tcp: lookup x: no such host', 'REGISTRY_UNREACHABLE'],
    [status.UNKNOWN, 'dial tcp 10.0.0.1:443: connect: connection refused', 'REGISTRY_UNREACHABLE'],
    [status.UNKNOWN, 'tls: failed to verify certificate: x509: unknown authority', 'REGISTRY_UNREACHABLE'],
    [status.UNKNOWN, 'no space left on device', 'REFUSED'],
  ])('what a registry said is told in our words: %s %s', async (code, details, wanted) => {
    daemon.transfers.perform = () => Promise.reject(refusal(code, details));
    const pulling = containerd.pull(APP, {}, never);
    await expect(pulling).rejects.toMatchObject({ code: wanted });
    await expect(pulling).rejects.toThrow(details);
  });

  test('an address in what the daemon says loses its query, which may be a signature', async () => {
    const details = 'failed open: 403 from https://cdn.example/blob?X-Signature=s3cr3t&Expires=1: forbidden';
    daemon.transfers.perform = () => Promise.reject(refusal(status.UNKNOWN, details));
    const pulling = containerd.pull(APP, {}, never);
    await expect(pulling).rejects.toThrow('https://cdn.example/blob?… forbidden');
    await expect(pulling).rejects.not.toThrow('s3cr3t');
  });

  test('a long story is cut', async () => {
    daemon.transfers.perform = () => Promise.reject(refusal(status.UNKNOWN, 'x'.repeat(4_000)));
    await expect(containerd.pull(APP, {}, never)).rejects.toThrow(/: x{500}…$/);
  });

  test('a registry token is refused before anything is asked', async () => {
    const credential = { kind: 'registry-token', token: 'bearer' } as const;
    await expect(containerd.pull(APP, { credential }, never)).rejects.toMatchObject({ code: 'REFUSED' });
    expect(daemon.calls).toEqual([]);
  });
});

describe("through Kubernetes' part of a daemon without that service", () => {
  let requests: Message[];

  beforeEach(async () => {
    await start('Transfer', 'Streaming');
    requests = [];
    daemon.answers.set('ImageService.PullImage', (request) => {
      requests.push(request);
      return { imageRef: DIGEST };
    });
  });

  test.each([
    ['nobody', {}, null],
    [
      'a user',
      { credential: ADA },
      { username: 'ada', password: 'lovelace', identityToken: '', registryToken: '' },
    ],
    [
      'the owner of a token',
      { credential: TOKEN },
      { username: '', password: '', identityToken: 'refresh', registryToken: '' },
    ],
  ])('an image is pulled as %s', async (_, options, auth) => {
    await containerd.pull(APP, { ...options, onProgress: () => {} }, never);
    expect(requests).toEqual([{ image: { image: 'registry.example:5000/team/app:1' }, auth }]);
  });

  test('an image by digest is asked for by that alone', async () => {
    await containerd.pull(parseReference(`team/app:1@${DIGEST}`), {}, never);
    expect(requests).toMatchObject([{ image: { image: `docker.io/team/app@${DIGEST}` } }]);
  });

  test('another namespace is refused: it would land elsewhere', async () => {
    const moby = new Containerd({ socket: daemon.socket, namespace: 'moby' });
    const pulling = moby.pull(APP, {}, never);
    await expect(pulling).rejects.toMatchObject({ code: 'UNSUPPORTED_VERSION' });
    await expect(pulling).rejects.toThrow('it pulls into namespace k8s.io only, not "moby"');
    await moby.close();
    expect(requests).toEqual([]);
  });

  test('what it says is told in our words', async () => {
    daemon.answers.set('ImageService.PullImage', () => {
      throw refusal(status.UNKNOWN, 'failed to resolve reference: 401 Unauthorized');
    });
    await expect(containerd.pull(APP, {}, never)).rejects.toMatchObject({ code: 'UNAUTHORIZED' });
  });
});

test('a daemon that can pull in neither way says so', async () => {
  await start('Transfer', 'Streaming', 'ImageService');
  const pulling = containerd.pull(APP, {}, never);
  await expect(pulling).rejects.toMatchObject({ code: 'UNSUPPORTED_VERSION' });
});
