import { describe, expect, test } from 'vitest';
import { FakeCopies } from '../../test/fakes/copies.ts';
import { FakeOrigin } from '../../test/fakes/origin.ts';
import { never } from '../../test/fakes/stage.ts';
import type { Outcome } from '../copy/outcome.ts';
import { digestOf } from '../image/digest.ts';
import { familiarReference, parseReference } from '../image/reference.ts';
import { type RescueParts, rescue } from './rescue.ts';
import { howFar, rescueTable } from './rescue-table.ts';

const digest = digestOf(Buffer.from('kept'));
const other = digestOf(Buffer.from('other'));
const naming = { prefix: { host: 'r.example.com', path: 'backup' }, scheme: 'keep-host' } as const;
const GONE = Object.assign(new Error('gone'), { code: 'NOT_FOUND' });
const SAVED: Outcome = { state: 'copied', digest, bytes: 1 };

function held(text: string, whole = true) {
  return { reference: parseReference(text), whole };
}

function aborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    if (signal.aborted) reject(signal.reason);
    signal.addEventListener('abort', () => reject(signal.reason));
  });
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
    expect((await rescue([], all)).rows).toEqual([
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
    const { rows } = await rescue([], parts({ origins: [new FakeOrigin({ list })] }));
    expect(rows.map(({ image }) => image)).toEqual(['r.example.com/other/a:1']);
  });

  const kept = [`team/app@${digest}`, 'team/app:1', 'team/app:2'].map((name) => ({ ...held(name), digest }));

  test.each<[string, Record<string, Outcome>, string[]]>([
    ['that have it', { 'team/app:1': SAVED }, ['app:1 saved', 'app:2 there']],
    [
      'one of which has another',
      { 'team/app:1': { ...SAVED, digest: other }, [`team/app@${digest}`]: SAVED },
      ['app:1 saved', `app@${digest} saved`, 'app:2 there'],
    ],
    [
      'that have others',
      {
        'team/app:1': { ...SAVED, digest: other },
        'team/app:2': { state: 'present', digest: other },
      },
      ['app:1 saved', `app@${digest} there`, 'app:2 there'],
    ],
    [
      'that cannot be made',
      { 'team/app:1': { state: 'failed', error: new Error('no space') } },
      ['app:1 failed', 'app:2 there'],
    ],
  ])('tells of a name by digest beside tags with backups %s', async (_what, copied, wanted) => {
    let known = 0;
    const told: string[] = [];
    const { rows, images } = await rescue(
      [],
      parts({
        origins: [new FakeOrigin({ list: kept })],
        copied,
        onFound: (count) => {
          known = count;
        },
        onRow: ({ image }) => told.push(image),
      }),
    );
    // Its line follows that of the tag which was through first.
    const lines = rows.map(({ image, state }) => `${image.split('/').at(-1)} ${state}`);
    expect(lines.toSorted()).toEqual(wanted.toSorted());
    expect([images, known, told.length]).toEqual([wanted.length, wanted.length, wanted.length]);
  });

  test('with --check, tells of a tag without a backup once', async () => {
    const looking = parts({
      check: true,
      origins: [new FakeOrigin({ list: kept })],
      copied: { 'team/app:1': SAVED },
    });
    const { rows } = await rescue([], looking);
    expect(rows.map(({ state }) => state)).toEqual(['absent', 'there']);
  });

  test('of nodes that hold nothing is no work', async () => {
    expect(await rescue([], parts({ origins: [new FakeOrigin()] }))).toEqual({ rows: [], images: 0 });
  });
});

describe('rescue of images by name', () => {
  test('looks for those who hold them, and lets go of what it found', async () => {
    const holder = new FakeOrigin({
      name: 'containerd',
      holds: () => ({ faithful: true, digest, partial: { index: other }, push: async () => undefined }),
    });
    const {
      rows: [row],
    } = await rescue(
      [parseReference('a:1')],
      parts({ origins: [holder, new FakeOrigin({ name: 'docker' })] }),
    );
    expect(row).toMatchObject({ heldBy: ['containerd'], whole: false });
    expect(holder.calls).toHaveLength(2);
  });

  test('tells of one that nobody holds', async () => {
    const {
      rows: [row],
    } = await rescue([parseReference('a:1')], parts({ origins: [new FakeOrigin()] }));
    expect(row).toMatchObject({ heldBy: [], state: 'there' });
    expect(row).not.toHaveProperty('whole');
  });

  test('says that the source is there', async () => {
    const {
      rows: [row],
    } = await rescue([parseReference('a:1')], parts({ askSource: async () => undefined }));
    expect(row).toMatchObject({ source: 'there' });
  });

  test('fails with a copy that has another digest than is wanted', async () => {
    const pinned = `a@${other}`;
    const {
      rows: [row],
    } = await rescue([parseReference(pinned)], parts({ copied: { [pinned]: SAVED } }));
    expect(row).toMatchObject({ state: 'failed', digest, why: expect.stringContaining('made anew') });
  });

  const NAMES = ['a:1', 'b:1', 'c:1', 'd:1', 'e:1', 'f:1'];

  test('begins no further one once it is told to end, and says what it knows so far', async () => {
    const ending = new AbortController();
    const asked: string[] = [];
    const told = parts({
      signal: ending.signal,
      copied: Object.fromEntries(NAMES.map((name) => [name, SAVED])),
      askSource: (source, signal) => {
        asked.push(familiarReference(source));
        // Four are under way at once: the fifth begins when the first is done.
        if (asked.length === 5) ending.abort();
        return asked.length === 1 ? Promise.resolve() : aborted(signal);
      },
    });
    const { rows, images } = await rescue(NAMES.map(parseReference), told);
    expect([rows, images]).toMatchObject([[{ image: 'docker.io/library/a:1', state: 'saved' }], 6]);
    expect(asked).toEqual(['a:1', 'b:1', 'c:1', 'd:1', 'e:1']);
    expect(told.copies.ensured).toEqual(['a:1']);
  });

  test('says of an image that it was interrupted while its copy was made', async () => {
    const {
      rows: [row],
    } = await rescue([parseReference('a:1')], parts({ copied: { 'a:1': { state: 'pending' } } }));
    expect(row).toMatchObject({ state: 'failed', why: 'interrupted' });
  });

  test.each([false, true])(
    'that was told to end before says nothing of any, with --check %s',
    async (check) => {
      const told = parts({ check, signal: AbortSignal.abort() });
      expect(await rescue(NAMES.map(parseReference), told)).toEqual({ rows: [], images: 6 });
      expect(told.copies.ensured).toEqual([]);
    },
  );
});

describe('what is said of an interrupted rescue', () => {
  test.each([
    [[], '0 of 17 images have a backup, 0 of them saved now'],
    [['saved', 'there', 'failed', 'saved', 'absent'], '3 of 17 images have a backup, 2 of them saved now'],
  ] as const)('with %j', (states, said) => {
    const row = { image: 'a', heldBy: [], source: 'there', backup: 'b' };
    expect(howFar({ rows: states.map((state) => ({ ...row, state })), images: 17 })).toBe(said);
  });
});

describe('with --check', () => {
  test('nothing is made', async () => {
    const looking = parts({ check: true, copied: { 'a:1': SAVED } });
    const { rows } = await rescue([parseReference('a:1'), parseReference('b:1')], looking);
    expect(rows).toMatchObject([{ state: 'absent' }, { state: 'there' }]);
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
