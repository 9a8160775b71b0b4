import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { onCluster, SOON } from './stage.ts';
import { workload } from './workload.ts';

/** Less than any image of these tests. */
const NO_ROOM = 200_000;

onCluster('5. The backup registry has troubles', (stage) => {
  let namespace: string;

  beforeAll(async () => {
    namespace = await stage.namespace('scenario-5');
  });

  async function create(name: string, app: string): Promise<{ image: string; warning: string }> {
    const { code, stderr } = await stage.apply(namespace, workload({ name, image: stage.source(app) }));
    expect({ code, stderr }).toEqual({ code: 0, stderr: expect.any(String) });
    return { image: await stage.imageOf(namespace, `deployment/${name}`), warning: stderr };
  }

  /** New names until one gets the copy. */
  async function createUntilCopied(app: string): Promise<string> {
    let number = 0;
    return vi.waitUntil(async () => {
      const name = `again-${app.replaceAll(/\W/g, '-')}-${(number += 1)}`;
      const { image } = await create(name, app);
      return image === stage.copyOf(app) ? name : undefined;
    }, SOON);
  }

  const troubles = [
    ['refuses the password', () => stage.site.backup.refuse(), () => stage.site.backup.stop()],
    ['says nothing', () => stage.site.backup.freeze(), () => stage.site.backup.thaw()],
    ['is full', () => stage.site.backup.limit(NO_ROOM), () => stage.site.backup.undoLimit()],
    ['is down', () => stage.site.backup.stop(), () => stage.site.backup.start()],
  ] as const;

  describe.each(troubles)('it %s', (what, begin, end) => {
    const name = what.replaceAll(' ', '-');
    const app = `team/${name}:1`;

    beforeAll(async () => {
      await stage.publish(app);
      await begin();
    });

    afterAll(async () => {
      await end();
      await stage.site.backup.start();
    });

    it('a new workload runs from its source, with a warning', async () => {
      const { image, warning } = await create(name, app);
      expect(image).toBe(stage.source(app));
      expect(warning).toContain('Warning: ');
      await stage.rolledOut(namespace, `deployment/${name}`);
    });
  });

  it.each(troubles)('after it %s, the next create makes the copy', async (what) => {
    const app = `team/${what.replaceAll(' ', '-')}:1`;
    const name = await createUntilCopied(app);
    expect(await stage.site.backup.digestOf(stage.copyIn(app))).toBe(await stage.site.public.digestOf(app));
    await stage.rolledOut(namespace, `deployment/${name}`);
  });

  describe('it loses its storage', () => {
    const app = 'team/lost:1';

    beforeAll(async () => {
      await stage.publish(app);
      await createUntilCopied(app);
      await stage.site.backup.loseStorage();
    });

    afterAll(() => stage.site.backup.undoLoss());

    it('nothing of it is left', async () => {
      expect(await stage.site.backup.digestOf(stage.copyIn(app))).toBeUndefined();
    });

    it('the copy is made again, whole, by one of the next creates', async () => {
      const digest = await stage.site.public.digestOf(app);
      let number = 0;
      await vi.waitFor(async () => {
        await create(`lost-${(number += 1)}`, app);
        expect(await stage.site.backup.digestOf(stage.copyIn(app))).toBe(digest);
      }, SOON);
      // Whose pods the node pulls it for: those before may have come too late.
      await stage.rolledOut(namespace, `deployment/lost-${number}`);
    });

    it('its pods run where the node has to pull it again', async () => {
      await stage.site.node?.forget('team/lost');
      await create('pulled', app);
      await stage.rolledOut(namespace, 'deployment/pulled');
      expect(await stage.imageOf(namespace, 'deployment/pulled')).toBe(stage.copyOf(app));
    });
  });
});
