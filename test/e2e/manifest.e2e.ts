import { execFileSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { readManifests } from '../../src/manifest/manifests.ts';
import { canRun } from './harness/need.ts';
import { programOf } from './harness/part.ts';

const HEAD = 'apiVersion: example.com/v1\nkind: Thing\nmetadata: {name: a}\n';

/** What kubectl makes of a file, without asking anybody. */
function readByKubectl(text: string): unknown {
  const args = ['annotate', '--local', '--output=json', '--filename=-', 'read=yes'];
  const read = JSON.parse(execFileSync(programOf('kubectl'), args, { input: text, encoding: 'utf8' }));
  delete read.metadata.annotations;
  return read;
}

describe.runIf(canRun('kubectl'))('manifests are read as kubectl reads them', () => {
  it.each([
    ['booleans', '[y, Y, yes, Yes, YES, on, On, n, N, no, No, off, OFF, true, True, FALSE, yEs, nO, oN]'],
    ['nothing', '[~, null, Null, NULL, nUll, ""]'],
    ['numbers', '[1, -1, +1, 1.5, .5, 1., 1e3, 1e, 0x1F, 0o17, 1.2e+3, 12345678901234567890]'],
    ['what looks like times and dates', '[1:20, 12:34:56, 2001-01-01, 2001-12-14t21:59:43.10-05:00]'],
    ['texts', `['no', "yes", a b, a:b, "#", 'it''s', !!str 1, =, <<, "\\u263A"]`],
    ['bytes', '[!!binary aGk=]'],
    ['keys', '{yes: 1, no: 2, 1: 3, 1.5: 4, "true ": 5}'],
    ['mappings that are merged', '{a: &a {b: 1, c: 2}, d: {<<: *a, c: 3}}'],
    ['lists of merged mappings', '{a: &a {b: 1}, c: &c {d: 2}, e: {<<: [*a, *c]}}'],
    ['block texts', '\n  a: |\n    x\n     y\n\n  b: >-\n    x\n    y\n  c: |+\n    z\n\n'],
  ])('%s', (_what, value) => {
    const text = `${HEAD}spec: ${value}\n`;
    expect(readManifests(text, 'file')).toEqual([readByKubectl(text)]);
  });
});
