import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import type { MadeImage } from '../images/image.ts';
import { makeRunnable, makeRunnableIndex, makeShellLayer } from './image.ts';
import { agentCommands } from './readme.ts';
import { onCluster, SOON } from './stage.ts';
import { workload } from './workload.ts';

const AGENTS = ['--namespace', 'image-cloner-agents'];
const MIB = 1024 ** 2;
/** A cluster that is used again, and its registries, still have the images of the last time. */
const TAG = randomUUID().slice(0, 8);
/** A push that has begun is to be met before it has ended. */
const AT_ONCE = { ...SOON, interval: 10 };
/** Long enough on its way that the backup registry can be stopped meanwhile. */
const LONG = { size: 256 * MIB, seed: Number.parseInt(TAG, 16) };

onCluster('10. Images that only nodes hold', (stage) => {
  let namespace: string;
  let earlier: string;
  const images = new Map<string, MadeImage>();

  beforeAll(async () => {
    namespace = await stage.namespace('scenario-10');
    earlier = await stage.plainNamespace('scenario-10-earlier');
    await runEarlier('found', await makeRunnableIndex(await makeShellLayer('found')));
    await runEarlier('rescued', await makeRunnableIndex(await makeShellLayer('rescued')));
    await runEarlier('cut', await makeRunnable(await makeShellLayer('cut'), [LONG]));
    await stage.site.public.stop();
  });

  afterAll(async () => {
    await stage.site.backup.thaw();
    await stage.site.public.start();
    const { code } = await stage.tryKubectl(['get', 'namespace', 'image-cloner-agents']);
    if (code === 0) await stage.installation.done(agentCommands(stage.site).remove);
    await stage.clonerRestarted();
  });

  /** Before anybody thought of backups: nobody but the node has it, once the public registry is gone. */
  async function runEarlier(app: string, image: MadeImage): Promise<void> {
    images.set(app, image);
    await stage.push(nameOf(app), image);
    await stage.apply(earlier, workload({ name: app, image: stage.source(nameOf(app)) }));
    await stage.rolledOut(earlier, `deployment/${app}`);
  }

  /** Of the image as it was published, and of what the kubelet pulled of it: its own platform. */
  function digestsOf(app: string): { published: string; held: string } {
    const { content, children } = images.get(app) ?? {};
    const published = content?.descriptor.digest ?? '';
    return { published, held: children?.[0]?.content.descriptor.digest ?? published };
  }

  async function create(name: string, app: string): Promise<{ image: string; warning: string }> {
    const { code, stderr } = await stage.apply(
      namespace,
      workload({ name, image: stage.source(nameOf(app)) }),
    );
    expect({ code, stderr }).toEqual({ code: 0, stderr: expect.any(String) });
    return { image: await stage.imageOf(namespace, `deployment/${name}`), warning: stderr };
  }

  /** New names until one gets the copy. */
  async function createUntilCopied(app: string): Promise<string> {
    let number = 0;
    return vi.waitUntil(async () => {
      const name = `${app}-${(number += 1)}`;
      return (await create(name, app)).image === stage.copyOf(nameOf(app)) ? name : undefined;
    }, SOON);
  }

  async function runsFromCopy(name: string, app: string): Promise<void> {
    await stage.rolledOut(namespace, `deployment/${name}`);
    expect(await stage.site.backup.digestOf(stage.copyIn(nameOf(app)))).toBe(digestsOf(app).held);
    // A Deployment whose pod was deleted learns of it a moment later, and a kubelet tells of a pull when it has time.
    await vi.waitFor(async () => {
      const pods = await stage.pods(namespace, name);
      expect(pods).toMatchObject([{ isWell: true }]);
      // The pod itself may show any name that the node knows the content by.
      expect(await pullsOf(pods[0]?.name)).toContain(`"${stage.copyOf(nameOf(app))}"`);
    }, SOON);
  }

  async function pullsOf(pod = ''): Promise<string> {
    const about = `involvedObject.name=${pod},reason=Pulled`;
    const events = ['get', 'events', '--namespace', namespace, '--field-selector', about];
    return stage.kubectl(...events, '--output', 'jsonpath={.items[*].message}');
  }

  /** The lines with this message and text, of all pods of the webhook in their order. */
  async function logged(message: string, text: string): Promise<readonly Record<string, unknown>[]> {
    const logs = await Promise.all((await stage.clonerPods()).map((pod) => stage.clonerLog(pod)));
    return logs
      .flatMap((log) => log.split('\n'))
      .filter((line) => line.includes(text) && line.includes(`"msg":"${message}"`))
      .map((line) => JSON.parse(line))
      .toSorted((one, other) => Date.parse(one.time) - Date.parse(other.time));
  }

  /** The agent of the node that an image ran on: its pod, and where it answers (`10.244.0.7:8443`). */
  async function agentBeside(app: string): Promise<{ pod: string; address: string }> {
    const ran = ['get', 'pods', '--namespace', earlier, '--selector', `app=${app}`];
    const node = await stage.kubectl(...ran, '--output', 'jsonpath={.items[0].spec.nodeName}');
    const there = ['get', 'pods', ...AGENTS, '--field-selector', `spec.nodeName=${node}`];
    const path = 'jsonpath={.items[0].metadata.name} {.items[0].status.podIP}';
    const [pod = '', address] = (await stage.kubectl(...there, '--output', path)).split(' ');
    return { pod, address: `${address}:8443` };
  }

  it('as the docs say: an agent on each node, and a webhook that knows them', async () => {
    const { install, tellWebhook } = agentCommands(stage.site);
    await stage.installation.done(install);
    const counts = 'jsonpath={.status.numberReady} of {.status.desiredNumberScheduled}';
    const ready = await stage.kubectl('get', 'daemonset/image-cloner-agent', ...AGENTS, '--output', counts);
    const nodes = (await stage.kubectl('get', 'nodes', '--output', 'name')).trim().split('\n').length;
    expect(ready).toBe(`${nodes} of ${nodes}`);
    await stage.installation.done(tellWebhook);
    await stage.clonerRestarted();
    await stage.asksAbout(namespace);
  });

  it('a new Deployment gets a copy that is made from a node, of the platform that is there', async () => {
    expect(await stage.site.backup.digestOf(stage.copyIn(nameOf('found')))).toBeUndefined();
    const { image, warning } = await create('found', 'found');
    expect(image).toBe(stage.copyOf(nameOf('found')));
    expect(warning).toContain('Warning: ');
    await runsFromCopy('found', 'found');
    const { address } = await agentBeside('found');
    // What a container writes is read by way of its node, which has it a moment later.
    await expect.poll(() => logged('Agent holds the image', nameOf('found'))).toMatchObject([{ address }]);
    const { held: digest, published: index } = digestsOf('found');
    const partial = 'Node has one platform of the image only, the copy is that one';
    await expect
      .poll(() => logged(partial, nameOf('found')))
      .toMatchObject([{ level: 'warn', digest, index }]);
  });

  it('one that names the digest of all platforms keeps its source', async () => {
    const image = `${stage.source('team/found')}@${digestsOf('found').published}`;
    const { code, stderr } = await stage.apply(namespace, workload({ name: 'by-digest', image }));
    expect({ code, stderr }).toEqual({ code: 0, stderr: expect.stringContaining('Warning: ') });
    expect(await stage.imageOf(namespace, 'deployment/by-digest')).toBe(image);
  });

  it('what the node loses then comes back from the backup', async ({ skip }) => {
    const { node } = stage.site;
    skip(node === undefined, 'nobody can make the nodes of an existing cluster forget');
    await node?.forget('team/found');
    await stage.kubectl('delete', 'pods', '--namespace', namespace, '--selector', 'app=found');
    await runsFromCopy('found', 'found');
    const image = stage.copyOf(nameOf('found'));
    const imageId = `${image.replace(/:[^:/]+$/, '')}@${digestsOf('found').held}`;
    expect(await stage.pods(namespace, 'found')).toMatchObject([{ image, imageId }]);
  });

  it('an agent that is killed while it pushes: its successor is found by the same name and makes the copy', async () => {
    const asked = stage.site.backup.requests().length;
    const { address: killed } = await agentBeside('cut');
    const creating = create('cut', 'cut');
    await vi.waitFor(() => {
      const since = stage.site.backup.requests().slice(asked);
      expect(since.some(({ method, path }) => method === 'POST' && path.includes('team/cut'))).toBe(true);
    }, AT_ONCE);
    await stage.site.backup.freeze();
    await stage.kubectl('delete', 'pods', ...AGENTS, '--all', '--force', '--grace-period', '0');
    await vi.waitFor(
      async () => expect(await logged('Agent cannot be asked, others are', killed)).not.toEqual([]),
      SOON,
    );
    await stage.site.backup.thaw();
    await creating;

    await runsFromCopy(await createUntilCopied('cut'), 'cut');
    const { address: successor } = await agentBeside('cut');
    expect(successor).not.toBe(killed);
    await expect
      .poll(async () => {
        const holders = await logged('Agent holds the image', nameOf('cut'));
        return [holders[0], holders.at(-1)];
      })
      .toMatchObject([{ address: killed }, { address: successor }]);
  });

  it('an agent lets go of what a container had mounted, once that has ended', async () => {
    const path = 'jsonpath={.items[0].status.containerStatuses[0].containerID}';
    const found = ['get', 'pods', '--namespace', earlier, '--selector', 'app=found', '--output', path];
    const container = (await stage.kubectl(...found)).replace('containerd://', '');
    const { pod } = await agentBeside('found');
    const mounts = ['exec', ...AGENTS, pod, '--', 'cat', '/proc/mounts'];
    expect(await stage.kubectl(...mounts)).toContain(container);
    await stage.kubectl('delete', '--namespace', earlier, 'deployment/found');
    await vi.waitFor(async () => expect(await stage.kubectl(...mounts)).not.toContain(container), SOON);
  });

  it('as the docs say: which images of all nodes have no backup yet', async () => {
    const { code, stdout } = await stage.installation.shell(agentCommands(stage.site).rescue);
    const rows = stdout.split('\n').map((line) => line.trim().split(/ {2,}/));
    const [cut, rescued] = ['cut', 'rescued'].map((app) => stage.source(nameOf(app)));
    expect(rows).toContainEqual([cut, 'agents', 'unreachable', 'there']);
    expect(rows).toContainEqual([rescued, 'agents (in part)', 'unreachable', 'absent']);
    expect(code).toBe(1);
  });

  it('an image is rescued through the agents, and the next Deployment gets the copy', async () => {
    const source = stage.source(nameOf('rescued'));
    const { rescue } = agentCommands(stage.site);
    const rows = await stage.installation.done(rescue.replace('--all --check', `--json ${source}`));
    expect(JSON.parse(rows)).toMatchObject([
      { image: source, heldBy: ['agents'], whole: false, state: 'saved', digest: digestsOf('rescued').held },
    ]);
    expect((await create('rescued', 'rescued')).image).toBe(stage.copyOf(nameOf('rescued')));
    await runsFromCopy('rescued', 'rescued');
  });

  it('as the docs say: nothing of the agents is left, and image-cloner does its work', async () => {
    await stage.installation.done(agentCommands(stage.site).remove);
    await stage.clonerRestarted();
    expect((await stage.everything()).filter((name) => name.includes('image-cloner-agent'))).toEqual([]);
    expect((await create('after', 'found')).image).toBe(stage.copyOf(nameOf('found')));
    await runsFromCopy('after', 'found');
  });
});

/** As the public registry has it, without its host. */
function nameOf(app: string): string {
  return `team/${app}:${TAG}`;
}
