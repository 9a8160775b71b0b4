import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { references } from '../../test/arbitraries/reference.ts';
import names from '../../test/fixtures/names.json' with { type: 'json' };
import { familiarReference, formatReference } from '../image/reference.ts';
import type { ImageUse } from '../workload/images.ts';
import type { Decision } from './decision.ts';
import type { Naming } from './naming.ts';
import { planImages } from './plan.ts';
import { parsePrefix } from './prefix.ts';

const NAMING: Naming = { prefix: parsePrefix('registry.example.com/backup', undefined), scheme: 'keep-host' };

function use(image: string, more: Partial<ImageUse> = {}): ImageUse {
  return { pointer: '/spec/containers/0/image', name: 'c', role: 'container', image, ...more };
}

/** What is to become of one image, in a word: the copy's name, or the reason to leave it. */
function planned(given: ImageUse): string | undefined {
  return planImages([given], NAMING).map(wordOf)[0];
}

function wordOf(decision: Decision): string {
  return decision.action === 'copy' ? familiarReference(decision.backup) : decision.reason;
}

describe('planImages', () => {
  it.each(names.keepHost.copies)('copies $image to $backup', ({ image, backup, normalized }) => {
    const [decision] = planImages([use(image)], NAMING);
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
    const decisions = planImages(uses, NAMING);
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
    const broken: Naming = JSON.parse('{"scheme":"none","prefix":{"host":"a","path":"b"}}');
    expect(() => planImages([use('a:1')], broken)).toThrow(TypeError);
  });
});
