import { describe, expect, it } from 'vitest';
import { harms } from '../../test/admission-contract.ts';
import { Webhook } from '../../test/fakes/admission.ts';
import { PENDING, PRESENT } from '../../test/fakes/copies.ts';
import { RECORDED, recorded, recordedBytes } from '../../test/recorded.ts';

const ANNOTATIONS = '/metadata/annotations';
const TEMPLATE = '/spec/template/spec/containers/0/image';

/** What each recorded request is answered with when all copies are there: [pointer, image, container], or nothing. */
const EXPECTED: Readonly<Record<string, readonly [string, string, string] | undefined>> = {
  'create-cronjob': ['/spec/jobTemplate/spec/template/spec/containers/0/image', 'busybox:1', 'c1'],
  'create-deployment': [TEMPLATE, 'nginx:1.25', 'nginx'],
  'create-deployment-server-side-apply': [TEMPLATE, 'nginx:1', 'a'],
  'create-job': [TEMPLATE, 'busybox:1', 'j1'],
  'create-pod-binding': undefined,
  'create-pod-dryrun': ['/spec/containers/0/image', 'nginx:1', 'dry'],
  'create-pod-eviction': undefined,
  'create-pod-generatename': ['/spec/containers/0/image', 'nginx:1.25', 'a'],
  'create-pod-untagged': ['/spec/containers/0/image', 'nginx', 'a'],
  'delete-deployment': undefined,
  'delete-pod': undefined,
  'update-deployment-new-image': [TEMPLATE, 'nginx:1.26', 'nginx'],
  'update-deployment-same-image': undefined,
  'update-deployment-scale': undefined,
  'update-pod-deleting': undefined,
  'update-pod-first-ephemeral-container': ['/spec/ephemeralContainers/0/image', 'busybox:1.28', 'dbg'],
  'update-pod-new-image': ['/spec/containers/0/image', 'nginx:1.27', 'a'],
  'update-pod-same-image': undefined,
  'update-pod-status': undefined,
};

function backupOf(image: string): string {
  return `registry.example.com/backup/docker.io/library/${image}${image.includes(':') ? '' : ':latest'}`;
}

describe('every recorded request', () => {
  it('is in the table', () => {
    expect(Object.keys(EXPECTED)).toEqual(RECORDED);
  });

  it.each(Object.entries(EXPECTED))('%s is answered exactly', async (name, expected) => {
    const webhook = new Webhook();
    const answer = await webhook.send(recordedBytes(name));
    const patch = expected === undefined ? [] : patchOf(...expected);
    expect(answer.patch).toEqual(patch);
    const source = expected?.[1] === 'nginx' ? 'nginx:latest' : expected?.[1];
    expect(answer.warnings).toEqual(
      source === undefined ? [] : [`image-cloner: "${source}" is now "${backupOf(source)}"`],
    );
    expect(harms(recorded(name).review, answer)).toEqual([]);
  });

  it.each(RECORDED)('%s harms nobody when nothing works', async (name) => {
    const webhook = new Webhook(() => ({ state: 'failed', error: new Error('down') }));
    const answer = await webhook.send(recordedBytes(name));
    expect(answer).toMatchObject({ response: { allowed: true }, patch: [] });
    expect(harms(recorded(name).review, answer)).toEqual([]);
  });

  it.each(RECORDED)('%s is denied only where the settings say so and an image is concerned', async (name) => {
    const webhook = new Webhook(() => PENDING, { onPending: 'deny', onFailure: 'deny' });
    const answer = await webhook.send(recordedBytes(name));
    const isDryRun = name === 'create-pod-dryrun';
    expect(answer.response['allowed']).toBe(EXPECTED[name] === undefined || isDryRun);
    expect(harms(recorded(name).review, answer)).toEqual([]);
  });

  it.each(RECORDED)('%s, answered and sent again as it is then stored, is left alone', async (name) => {
    const { request, review } = recorded(name);
    const first = await new Webhook(() => PRESENT).answer(review);
    const text = JSON.stringify(request['object']);
    const stored: unknown = JSON.parse(
      first.patch.reduce((object, { value }) => rewritten(object, value, EXPECTED[name]?.[1]), text),
    );
    const webhook = new Webhook(() => PRESENT);
    const second = await webhook.answer({
      ...review,
      request: { ...request, object: stored, dryRun: false },
    });
    expect(second.patch).toEqual([]);
    expect(webhook.copies.ensured).toEqual([]);
  });
});

function patchOf(path: string, source: string, container: string): readonly unknown[] {
  const value = { 'image-cloner.dev/original-images': JSON.stringify({ [container]: source }) };
  return [
    { op: 'replace', path, value: backupOf(source) },
    { op: 'add', path: ANNOTATIONS, value },
  ];
}

/** The object's text with the copy's name in place of the source's. */
function rewritten(object: string, value: unknown, source: string | undefined): string {
  return typeof value === 'string' ? object.replace(`"image":"${source}"`, `"image":"${value}"`) : object;
}
