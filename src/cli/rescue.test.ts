import { describe, expect, test } from 'vitest';
import { FakeCopies } from '../../test/fakes/copies.ts';
import { FakeOrigin } from '../../test/fakes/origin.ts';
import { never } from '../../test/fakes/stage.ts';
import type { Outcome } from '../copy/outcome.ts';
import { digestOf } from '../image/digest.ts';
import { parseReference } from '../image/reference.ts';
import { type RescueParts, rescue } from './rescue.ts';
import { rescueTable } from './rescue-table.ts';

const digest = digestOf(Buffer.from('kept'));
const other = digestOf(Buffer.from('other'));
const naming = { prefix: { host: 'r.example.com', path: 'backup' }, scheme: 'keep-host' } as const;
const GONE = Object.assign(new Error('gone'), { code: 'NOT_FOUND' });
const SAVED: Outcome = { state: 'copied', digest, bytes: 1 };

function held(text: string, whole = true) {
  return { reference: parseReference(text), whole };
}

/** A script is what a copy of that image comes to; those without one are there. */
function parts(
  options: Partial<RescueParts> & { readonly copied?: Record<string, Outcome> } = {},
): RescueParts & { readonly copies: FakeCopies } {
  const { copied = {}, ...rest } = options;
  const copies = new FakeCopies((source) => copied[source] ?? { state: 'present', digest });
  return {
    origins: [],
    naming,
    askSource: () => Promise.reject(GONE),
    check: false,
    signal: never,
    ...rest,
    copies,
  };
}

describe('rescue of all images', () => {
  test('makes the backups that are missing, whoever holds the images, and says what it found', async () => {
    const origins = [
      new FakeOrigin({ name: 'docker', list: [held('b:1'), held('a:1', false)] }),
      new FakeOrigin({ name: 'agents', list: [held('a:1'), held('c:1', false)] }),
    ];
    const failed: Outcome = { state: 'failed', error: new Error('no space') };
    const all = parts({ origins, copied: { 'b:1': SAVED, 'c:1': failed } });
    expect(await rescue([], all)).toEqual([
      {
        image: 'docker.io/library/a:1',
        heldBy: ['docker', 'agents'],
        whole: true,
        source: 'not_found',
        backup: 'r.example.com/backup/docker.io/library/a:1',
        state: 'there',
        digest,
      },
      expect.objectContaining({ image: 'docker.io/library/b:1', state: 'saved', digest }),
      expect.objectContaining({
        image: 'docker.io/library/c:1',
        whole: false,
        state: 'failed',
        why: 'no space',
      }),
    ]);
    expect(all.copies.ensured.toSorted()).toEqual(['b:1', 'c:1']);
  });

  test('leaves out what is a backup itself', async () => {
    const list = [held('r.example.com/backup/docker.io/library/a:1'), held('r.example.com/other/a:1')];
    const rows = await rescue([], parts({ origins: [new FakeOrigin({ list })] }));
    expect(rows.map(({ image }) => image)).toEqual(['r.example.com/other/a:1']);
  });

  test('of nodes that hold nothing is no work', async () => {
    expect(await rescue([], parts({ origins: [new FakeOrigin()] }))).toEqual([]);
  });
});

describe('rescue of images by name', () => {
  test('looks for those who hold them, and lets go of what it found', async () => {
    const holder = new FakeOrigin({
      name: 'containerd',
      holds: () => ({ faithful: true, digest, partial: { index: other }, push: async () => undefined }),
    });
    const [row] = await rescue(
      [parseReference('a:1')],
      parts({ origins: [holder, new FakeOrigin({ name: 'docker' })] }),
    );
    expect(row).toMatchObject({ heldBy: ['containerd'], whole: false });
    expect(holder.calls).toHaveLength(2);
  });

  test('tells of one that nobody holds', async () => {
    const [row] = await rescue([parseReference('a:1')], parts({ origins: [new FakeOrigin()] }));
    expect(row).toMatchObject({ heldBy: [], state: 'there' });
    expect(row).not.toHaveProperty('whole');
  });

  test('says that the source is there', async () => {
    const [row] = await rescue([parseReference('a:1')], parts({ askSource: async () => undefined }));
    expect(row).toMatchObject({ source: 'there' });
  });

  test('fails with a copy that has another digest than is wanted', async () => {
    const pinned = `a@${other}`;
    const [row] = await rescue([parseReference(pinned)], parts({ copied: { [pinned]: SAVED } }));
    expect(row).toMatchObject({ state: 'failed', digest, why: expect.stringContaining('made anew') });
  });

  test('ends when it is told to', async () => {
    await expect(rescue([parseReference('a:1')], parts({ signal: AbortSignal.abort() }))).rejects.toThrow(
      'aborted',
    );
  });
});

describe('with --check', () => {
  test('nothing is made', async () => {
    const looking = parts({ check: true, copied: { 'a:1': SAVED } });
    expect(await rescue([parseReference('a:1'), parseReference('b:1')], looking)).toMatchObject([
      { state: 'absent' },
      { state: 'there' },
    ]);
    expect(looking.copies.ensured).toEqual([]);
  });
});

describe('the table', () => {
  test('has one line for each image, and nothing in it moves the cursor', () => {
    const row = { image: 'docker.io/library/a:1', source: 'there', backup: 'r.example.com/a:1' };
    expect(
      rescueTable([
        { ...row, heldBy: ['docker', 'agents'], whole: true, state: 'there' },
        {
          ...row,
          heldBy: ['containerd'],
          whole: false,
          source: 'not_found',
          state: 'failed',
          why: '\u001b[2J',
        },
        { ...row, heldBy: [], state: 'absent' },
      ]).split('\n'),
    ).toEqual([
      'IMAGE                  HELD BY               SOURCE     BACKUP  WHY',
      'docker.io/library/a:1  docker, agents        there      there',
      'docker.io/library/a:1  containerd (in part)  not_found  failed  ?[2J',
      'docker.io/library/a:1  -                     there      absent',
      '',
    ]);
  });

  test('without rows is nothing', () => {
    expect(rescueTable([])).toBe('');
  });
});
