import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { references } from '../../test/arbitraries/reference.ts';
import names from '../../test/fixtures/names.json' with { type: 'json' };
import { JUDGEMENT } from '../../test/judgement.ts';
import { familiarReference, formatReference } from '../image/reference.ts';
import type { ImageUse } from '../workload/images.ts';
import type { Decision } from './decision.ts';
import type { Judgement } from './judgement.ts';
import { type Owner, planImages } from './plan.ts';
import type { RuleText } from './rule.ts';
import { compileRules } from './rules.ts';
import { readSwapFile } from './swap-lines.ts';

const OWNER: Owner = {
  subject: { namespace: 'shop', kinds: ['Pod'], labels: {}, annotations: {}, serviceAccount: 'default' },
  controlled: false,
};
const CONTROLLED: Owner = { ...OWNER, controlled: true };

function use(image: string, more: Partial<ImageUse> = {}): ImageUse {
  return { pointer: '/spec/containers/0/image', name: 'c', role: 'container', image, ...more };
}

/** What is to become of one image, in a word: the copy's name, or the reason to leave it. */
function planned(given: ImageUse): string | undefined {
  return planImages([given], OWNER, JUDGEMENT).map(wordOf)[0];
}

function wordOf(decision: Decision): string {
  if (decision.action === 'skip') return decision.reason;
  return 'backup' in decision ? familiarReference(decision.backup) : decision.action;
}

describe('planImages', () => {
  it.each(names.keepHost.copies)('copies $image to $backup', ({ image, backup, normalized }) => {
    const [decision] = planImages([use(image)], OWNER, JUDGEMENT);
    expect(decision).toMatchObject({ action: 'copy', use: { image } });
    expect(decision?.action === 'copy' && formatReference(decision.source)).toBe(normalized);
    expect(planned(use(image))).toBe(backup);
  });

  it.each([
    ['', 'empty'],
    ['auto', 'placeholder'],
    [' auto', 'unparsable'],
    [' ', 'unparsable'],
    ['Nginx', 'unparsable'],
    ['nginx:', 'unparsable'],
    ['${IMAGE}', 'unparsable'],
    ['https://registry.example.com/a', 'unparsable'],
    ['x'.repeat(100_000), 'unparsable'],
    ['auto:1', 'registry.example.com/backup/docker.io/library/auto:1'],
    ['auto/auto', 'registry.example.com/backup/docker.io/auto/auto:latest'],
  ])('says of %j: %s', (image, word) => {
    expect(planned(use(image))).toBe(word);
  });

  it.each(names.notReferences.filter((image) => image !== ''))(
    'leaves %j alone, which is no reference',
    (image) => {
      expect(planned(use(image))).toBe('unparsable');
    },
  );

  it.each([
    ...names.keepHost.alreadyBackup,
    'REGISTRY.example.com/backup/a',
    'registry.example.com/backup/registry.example.com/backup/a',
  ])('never copies the copy %s', (image) => {
    expect(planned(use(image))).toBe('already-backup');
  });

  it.each([
    ['Never', 'never-pulled'],
    ['Always', 'registry.example.com/backup/docker.io/library/a:1'],
    ['IfNotPresent', 'registry.example.com/backup/docker.io/library/a:1'],
    ['never', 'registry.example.com/backup/docker.io/library/a:1'],
  ])('with pull policy %s says %s', (pullPolicy, word) => {
    expect(planned(use('a:1', { pullPolicy }))).toBe(word);
  });

  it.each(['container', 'init', 'ephemeral', 'volume'] as const)(
    'treats the role %s like every other',
    (role) => {
      expect(planned(use('a:1', { role }))).toBe('registry.example.com/backup/docker.io/library/a:1');
    },
  );

  it('makes one decision for each use, in order, also for the same image', () => {
    const uses = ['a:1', '', 'a:1', 'B', 'b:1'].map((image, index) => use(image, { pointer: `/${index}` }));
    const decisions = planImages(uses, OWNER, JUDGEMENT);
    expect(decisions.map((decision) => decision.use)).toEqual(uses);
    expect(decisions.map((decision) => decision.action)).toEqual(['copy', 'skip', 'copy', 'skip', 'copy']);
  });

  it('leaves what it decided once as it is: its own output is never copied again', () => {
    fc.assert(
      fc.property(references, (reference) => {
        const image = familiarReference(reference);
        fc.pre(image !== 'auto');
        const word = planned(use(image)) ?? '';
        expect(word === 'already-backup' || planned(use(word)) === 'already-backup').toBe(true);
      }),
    );
  });

  it('lets faults that are no bad reference pass', () => {
    const naming: Judgement['naming'] = JSON.parse('{"scheme":"none","prefix":{"host":"a","path":"b"}}');
    expect(() => planImages([use('a:1')], OWNER, { ...JUDGEMENT, naming })).toThrow(TypeError);
  });
});

describe('by the registry of the source', () => {
  const judgement: Judgement = {
    ...JUDGEMENT,
    sources: { allow: ['*.example.org'], deny: ['bad.example.org'] },
  };

  it.each([
    ['good.example.org/a:1', 'registry.example.com/backup/good.example.org/a:1'],
    ['bad.example.org/a:1', 'source-not-allowed'],
    ['a:1', 'source-not-allowed'],
    ['Nginx', 'unparsable'],
    ['registry.example.com/backup/a:1', 'already-backup'],
  ])('says of %s: %s', (image, word) => {
    expect(planImages([use(image)], OWNER, judgement).map(wordOf)).toEqual([word]);
  });

  it.each<[RuleText, object]>([
    [{ action: 'copy' }, { action: 'skip', reason: 'source-not-allowed' }],
    [{ action: 'deny' }, { action: 'deny' }],
    [{ action: 'skip' }, { action: 'skip', reason: 'rule' }],
    [{ action: 'rewrite-only' }, { action: 'rewrite' }],
  ])('%j copies nothing from one that is not allowed', (text, expected) => {
    const rules = compileRules([text]);
    const decided = rules.ok && planImages([use('a:1')], OWNER, { ...judgement, rules: rules.rules })[0];
    expect(decided).toMatchObject(expected);
  });

  it('lets the pods of a controller use a copy that is there', () => {
    expect(planImages([use('a:1')], CONTROLLED, judgement)[0]).toMatchObject({
      action: 'rewrite',
      check: true,
    });
  });
});

/** The decision by these rules. */
function ruled(texts: readonly RuleText[], image = 'a:1', owner = OWNER): unknown {
  const rules = compileRules(texts);
  if (!rules.ok) throw new Error(JSON.stringify(rules.faults));
  return planImages([use(image)], owner, { ...JUDGEMENT, rules: rules.rules })[0];
}

const SOURCE = { host: 'docker.io', path: 'library/a', tag: '1' };
const BACKUP = { host: 'registry.example.com', path: 'backup/docker.io/library/a', tag: '1' };

describe('the source is asked anew', () => {
  it.each<[string, string | undefined, boolean]>([
    ['a:1', undefined, false],
    ['a:1', 'IfNotPresent', false],
    ['a:1', 'Always', true],
    ['a', undefined, true],
    ['a:latest', 'IfNotPresent', true],
    [`a@sha256:${'a'.repeat(64)}`, 'Always', false],
    [`a:latest@sha256:${'a'.repeat(64)}`, 'Always', false],
  ])('for %s with the pull policy %s: %s', (image, pullPolicy, newest) => {
    const given = use(image, pullPolicy === undefined ? {} : { pullPolicy });
    expect(planImages([given], OWNER, JUDGEMENT)).toMatchObject([{ action: 'copy', newest }]);
  });
});

describe('by a rule', () => {
  it.each<[RuleText, Owner, object]>([
    [
      { action: 'copy' },
      OWNER,
      { action: 'copy', rule: 'rules.0', source: SOURCE, backup: BACKUP, newest: false },
    ],
    [{ action: 'skip', name: 'ours' }, OWNER, { action: 'skip', reason: 'rule', rule: 'ours' }],
    [
      { action: 'deny', name: 'no', message: 'ask the platform team' },
      OWNER,
      { action: 'deny', rule: 'no', source: SOURCE, message: 'ask the platform team' },
    ],
    [{ action: 'deny' }, OWNER, { action: 'deny', rule: 'rules.0', source: SOURCE }],
    [{ action: 'warn' }, OWNER, { action: 'warn', rule: 'rules.0', source: SOURCE, backup: BACKUP }],
    [
      { action: 'warn', message: 'soon' },
      OWNER,
      { action: 'warn', rule: 'rules.0', source: SOURCE, backup: BACKUP, message: 'soon' },
    ],
    [
      { action: 'rewrite-only' },
      OWNER,
      { action: 'rewrite', rule: 'rules.0', source: SOURCE, backup: BACKUP, check: false, quiet: false },
    ],
    [
      { action: 'rewrite-only', check: true },
      OWNER,
      { action: 'rewrite', rule: 'rules.0', source: SOURCE, backup: BACKUP, check: true, quiet: false },
    ],
    [
      { action: 'copy' },
      CONTROLLED,
      { action: 'rewrite', rule: 'rules.0', source: SOURCE, backup: BACKUP, check: true, quiet: true },
    ],
    [
      { action: 'rewrite-only' },
      CONTROLLED,
      { action: 'rewrite', rule: 'rules.0', source: SOURCE, backup: BACKUP, check: false, quiet: true },
    ],
    [{ action: 'deny' }, CONTROLLED, { action: 'deny', rule: 'rules.0', source: SOURCE }],
  ])('%j', (rule, owner, expected) => {
    expect(ruled([rule], 'a:1', owner)).toEqual({ use: use('a:1'), ...expected });
  });

  it('the first that matches decides', () => {
    const rules: RuleText[] = [
      { name: 'quay', match: { images: ['quay.io/**'] }, action: 'deny' },
      { name: 'shop', match: { namespaces: ['shop'] }, action: 'skip' },
      { name: 'rest', action: 'warn' },
    ];
    expect(ruled(rules)).toMatchObject({ rule: 'shop' });
    expect(ruled(rules, 'quay.io/a/b')).toMatchObject({ rule: 'quay' });
  });

  it('where none matches the image is copied', () => {
    expect(ruled([{ match: { images: ['quay.io/**'] }, action: 'deny' }])).toMatchObject({
      action: 'copy',
      rule: 'default',
    });
  });

  it.each(['', 'auto', 'Not An Image', 'registry.example.com/backup/docker.io/library/a:1'])(
    '%j is left alone, whatever the rule says',
    (image) => {
      expect(ruled([{ action: 'deny' }], image)).toMatchObject({ action: 'skip' });
    },
  );
});

describe('a Pod of a controller', () => {
  it('gets copies that are there, and waits for none', () => {
    expect(planImages([use('a:1')], CONTROLLED, JUDGEMENT)).toEqual([
      {
        action: 'rewrite',
        use: use('a:1'),
        source: SOURCE,
        backup: BACKUP,
        rule: 'default',
        check: true,
        quiet: true,
      },
    ]);
  });
});

describe('with copies that namespaces have for themselves', () => {
  const apart: Judgement = { ...JUDGEMENT, naming: { ...JUDGEMENT.naming, apart: true } };
  const own = 'registry.example.com/backup/ns/shop/quay.io/app:1';
  const foreign = 'registry.example.com/backup/ns/bank/quay.io/app:1';

  it('a decision has both names', () => {
    const [decision] = planImages([use('quay.io/app:1')], OWNER, apart);
    expect(decision?.action === 'copy' && decision.ownBackup).toEqual({
      host: 'registry.example.com',
      path: 'backup/ns/shop/quay.io/app',
      tag: '1',
    });
  });

  it('one without a namespace has only everybody’s', () => {
    const nowhere = { ...OWNER, subject: { ...OWNER.subject, namespace: '' } };
    expect(planImages([use('quay.io/app:1')], nowhere, apart)[0]).not.toHaveProperty('ownBackup');
  });

  it('its own is left alone, and that of another namespace is denied, whoever made the pod', () => {
    for (const owner of [OWNER, CONTROLLED]) {
      const [mine, theirs] = planImages([use(own), use(foreign)], owner, apart);
      expect(mine).toMatchObject({ action: 'skip', reason: 'already-backup' });
      expect(theirs).toMatchObject({
        action: 'deny',
        rule: 'owned by another namespace',
        message: expect.stringContaining('"bank"'),
      });
    }
  });

  it('that of another namespace is denied by whatever tag or digest it is named', () => {
    for (const suffix of ['', ':2', `@sha256:${'a'.repeat(64)}`])
      expect(planImages([use(foreign.replace(/:1$/, suffix))], OWNER, apart)[0]?.action).toBe('deny');
  });

  it('nothing of this happens where there are none', () => {
    const [decision, theirs] = planImages([use('quay.io/app:1'), use(foreign)], OWNER, JUDGEMENT);
    expect(decision).not.toHaveProperty('ownBackup');
    expect(theirs).toMatchObject({ action: 'skip', reason: 'already-backup' });
  });
});

describe('where names are shared', () => {
  const prefix = JUDGEMENT.naming.prefix;
  const digest = `sha256:${'a'.repeat(64)}`;

  function mapped(text: string, image: string, rules: readonly RuleText[] = [], owner = OWNER): Decision {
    const read = readSwapFile(text);
    const compiled = compileRules(rules);
    if (!read.ok || !compiled.ok) throw new Error('Cannot test: wanted a good map and good rules');
    const naming = { prefix, scheme: 'map', map: read.map } as const;
    const [decision] = planImages([use(image)], owner, { ...JUDGEMENT, naming, rules: compiled.rules });
    if (decision === undefined) throw new Error('Cannot test: wanted a decision');
    return decision;
  }

  it('a copy has to be known to be of its source', () => {
    const naming = { prefix, scheme: 'basename' } as const;
    const judgement = { ...JUDGEMENT, naming };
    expect(planImages([use('quay.io/a/app:1')], OWNER, judgement)).toMatchObject([
      { action: 'copy', shared: true, backup: { path: 'backup/app', tag: '1' } },
    ]);
    expect(planImages([use('quay.io/a/app:1')], CONTROLLED, judgement)).toMatchObject([
      { action: 'rewrite', check: true, shared: true },
    ]);
  });

  it.each<[string, string, string]>([
    ['in the backup registry is copied to', 'registry.example.com/backup/x', 'copy'],
    ['elsewhere in that registry is of somebody else', 'registry.example.com/proxy', 'rewrite'],
    ['in another registry is of somebody else', 'other.example.com', 'rewrite'],
  ])('a map to what is %s', (_what, target, action) => {
    const decision = mapped(`default::${target}`, 'quay.io/a/app:1');
    expect(decision.action).toBe(action);
    expect(wordOf(decision)).toBe(`${target}/a/app:1`);
    expect('shared' in decision).toBe(action === 'copy');
  });

  it('a map to a digest of its own choice writes that, and copies nothing there', () => {
    const text = `default::\n[EXACT]a:1::registry.example.com/backup/a@${digest}`;
    expect(mapped(text, 'a:1')).toMatchObject({ action: 'rewrite', check: false, backup: { digest } });
  });

  it.each([
    ['a map leaves', 'default::', 'a:1', 'not-mapped'],
    ['a map has led somewhere', 'default::other.example.com', 'other.example.com/a:1', 'already-backup'],
    [
      'lies below the prefix',
      'default::other.example.com',
      'registry.example.com/backup/a:1',
      'already-backup',
    ],
  ])('an image that %s stays', (_what, text, image, reason) => {
    expect(mapped(text, image)).toMatchObject({ action: 'skip', reason });
  });

  it.each<[RuleText['action'], object]>([
    ['skip', { action: 'skip', reason: 'rule' }],
    ['deny', { action: 'deny' }],
    ['warn', { action: 'warn' }],
    ['rewrite-only', { action: 'rewrite', check: false }],
    ['copy', { action: 'copy' }],
  ])('the rule %s holds as well', (action, expected) => {
    const decision = mapped('default::registry.example.com/backup', 'quay.io/a/app:1', [{ action }]);
    expect(decision).toMatchObject(expected);
    expect('shared' in decision).toBe(action === 'copy' || action === 'warn');
  });
});
