import { describe, expect, it } from 'vitest';
import { creating, updating } from '../../test/admission-review.ts';
import { Webhook } from '../../test/fakes/admission.ts';
import { COPIED, PENDING, PRESENT, type Script } from '../../test/fakes/copies.ts';
import { JUDGEMENT } from '../../test/judgement.ts';
import { containers, cronJob, deployment, pod, templated } from '../../test/workloads.ts';
import type { Outcome } from '../copy/outcome.ts';
import type { Digest } from '../image/digest.ts';
import type { Judgement } from '../plan/judgement.ts';
import type { RuleText } from '../plan/rule.ts';
import { compileRules } from '../plan/rules.ts';
import { BUILT_IN_KINDS } from '../workload/kinds.ts';
import type { Asker, TenantOf } from './cloning.ts';

const BACKUP = 'registry.example.com/backup/docker.io/library';
const DIGEST: Digest = `sha256:${'a'.repeat(64)}`;
const FAILED: Outcome = {
  state: 'failed',
  error: Object.assign(new Error('Cannot push blob to 10.0.0.1: 401'), {
    code: 'UNAUTHORIZED',
    side: 'target',
  }),
};

/** The images that an answer writes. */
function written({ patch }: { patch: readonly Record<string, unknown>[] }): readonly unknown[] {
  return patch.filter(({ op }) => op === 'replace').map(({ value }) => value);
}

/** A script by source. */
function scripted(outcomes: Readonly<Record<string, Outcome>>): Script {
  return (source) => outcomes[source] ?? PRESENT;
}

describe('a copy with another digest than the source asks for', () => {
  const wanted = `mcr.example.com/a@sha256:${'b'.repeat(64)}`;

  it.each<[string, Outcome]>([
    ['that was just made by a daemon', COPIED],
    ['that was made a moment ago', PRESENT],
  ])('%s leaves the source in place, and the user is warned', async (_what, outcome) => {
    const answer = await new Webhook(() => outcome).answer(creating(pod(containers(wanted))));
    expect(written(answer)).toEqual([]);
    expect(answer.response['allowed']).toBe(true);
    expect(answer.warnings).toEqual([expect.stringContaining('saved with another digest than wanted')]);
  });

  it('counts as a failed one: with onFailure deny the request is refused', async () => {
    const answer = await new Webhook(() => COPIED, { onFailure: 'deny' }).answer(
      creating(pod(containers(wanted))),
    );
    expect(answer.response).toMatchObject({
      allowed: false,
      status: { message: expect.stringContaining('could only be saved with another digest') },
    });
  });

  it('is the copy of a source that asks for it by a tag', async () => {
    const answer = await new Webhook(() => COPIED).answer(creating(pod(containers('nginx:1.25'))));
    expect(written(answer)).toEqual([`${BACKUP}/nginx:1.25`]);
  });

  it('is the copy of a source whose digest is of another algorithm: the two cannot be compared', async () => {
    const other = `mcr.example.com/a@sha512:${'b'.repeat(128)}`;
    const answer = await new Webhook(() => COPIED).answer(creating(pod(containers(other))));
    expect(written(answer)).toHaveLength(1);
  });
});

describe('what was replaced is counted', () => {
  const ruled = ruledBy({ action: 'rewrite-only' });
  const three = containers('a:1', 'a:1', 'b:1');

  it.each([
    ['by containers, not by images', {}, creating(pod(three)), { images: 3, dryRun: false }],
    ['where a rule writes the name unseen', ruled, creating(pod(three)), { images: 3, dryRun: false }],
    ['in a dry run, as such', {}, creating(pod(three), { dryRun: true }), { images: 3, dryRun: true }],
  ])('%s', async (_how, judgement, request, counted) => {
    const webhook = new Webhook(undefined, {}, judgement);
    await webhook.answer(request);
    expect(webhook.events.filter(({ type }) => type === 'patched')).toEqual([
      expect.objectContaining(counted),
    ]);
  });

  it.each<[string, Script, Record<string, unknown>]>([
    ['when no copy is there', () => FAILED, pod(three)],
    ['when the request is refused for one image', scripted({ 'b:1': FAILED }), pod(three)],
    ['when the patch is not safe', () => PRESENT, { ...pod(three), metadata: undefined }],
  ])('and not %s', async (_when, script, object) => {
    const webhook = new Webhook(script, { onFailure: 'deny' });
    await webhook.answer(creating(object));
    expect(webhook.told).not.toContain('patched');
  });
});

describe('an image gets its copy', () => {
  it.each<[string, Outcome]>([
    ['that was there', PRESENT],
    ['that was just made', COPIED],
  ])('%s', async (_what, outcome) => {
    const webhook = new Webhook(() => outcome);
    const answer = await webhook.answer(creating(deployment(containers('nginx:1.25'))));
    expect(answer.response).toMatchObject({ uid: 'uid-1', allowed: true, patchType: 'JSONPatch' });
    expect(written(answer)).toEqual([`${BACKUP}/nginx:1.25`]);
    expect(answer.warnings).toEqual([`image-cloner: "nginx:1.25" is now "${BACKUP}/nginx:1.25"`]);
    expect(webhook.told).toEqual(['received', 'planned', 'found', 'patched', 'answered']);
  });

  it('in every place of a pod', async () => {
    const spec = {
      containers: [{ name: 'a', image: 'a:1' }],
      initContainers: [{ name: 'sidecar', image: 'b:1', restartPolicy: 'Always' }],
      volumes: [{ name: 'v', image: { reference: 'v:1' } }],
    };
    const answer = await new Webhook().answer(creating(pod(spec)));
    expect(written(answer)).toEqual(['a:1', 'b:1', 'v:1'].map((image) => `${BACKUP}/${image}`));
  });

  it.each([
    [
      'Windows',
      pod({ ...containers('mcr.example.com/nanoserver:1'), nodeSelector: { 'kubernetes.io/os': 'windows' } }),
    ],
    ['by digest', pod(containers(`mcr.example.com/a@sha256:${'a'.repeat(64)}`))],
    ['by tag and digest', pod(containers(`mcr.example.com/a:1@sha256:${'a'.repeat(64)}`))],
    [
      'of an operator',
      deployment(containers('mcr.example.com/a:1'), {
        ownerReferences: [{ kind: 'Database', apiVersion: 'x/v1', controller: true }],
      }),
    ],
  ])('in a workload %s', async (_what, object) => {
    const [image] = written(await new Webhook().answer(creating(object)));
    expect(image).toMatch(/^registry\.example\.com\/backup\/mcr\.example\.com\//);
  });

  it('once for many containers that share it', async () => {
    const webhook = new Webhook();
    const answer = await webhook.answer(
      creating(pod(containers('a:1', 'docker.io/library/a:1', 'a:1', 'b:1'))),
    );
    expect(webhook.copies.ensured).toEqual(['a:1', 'b:1']);
    expect(written(answer)).toHaveLength(4);
    expect(answer.warnings).toHaveLength(2);
  });

  it('together with all others of the request, none waiting for another', async () => {
    const waiting: (() => void)[] = [];
    const webhook = new Webhook(
      () =>
        new Promise((resolve) => {
          waiting.push(() => resolve(PRESENT));
          // Nobody is answered before all three have asked.
          if (waiting.length === 3) for (const answer of waiting) answer();
        }),
    );
    expect(written(await webhook.answer(creating(pod(containers('a:1', 'b:1', 'c:1')))))).toHaveLength(3);
  });

  it('a thousand times in one pod', async () => {
    const images = Array.from({ length: 1000 }, (_, index) => `app${index % 300}:1`);
    const webhook = new Webhook();
    const answer = await webhook.answer(creating(pod(containers(...images))));
    expect(written(answer)).toEqual(images.map((image) => `${BACKUP}/${image}`));
    expect(webhook.copies.ensured).toHaveLength(300);
    expect(answer.warnings).toHaveLength(10);
  });
});

describe('an image that nodes pull anew each time', () => {
  it('is asked for at its source, however recently that was done', async () => {
    const spec = {
      containers: [
        { name: 'a', image: 'a:1' },
        { name: 'b', image: 'a:1', imagePullPolicy: 'Always' },
        { name: 'c', image: 'b' },
        { name: 'd', image: 'b', imagePullPolicy: 'Always' },
      ],
    };
    const webhook = new Webhook();
    const answer = await webhook.answer(creating(pod(spec)));
    expect(webhook.copies.ensured).toEqual(['a:1', 'a:1', 'b:latest']);
    expect(webhook.copies.newest).toEqual(['a:1', 'b:latest']);
    expect(written(answer)).toHaveLength(4);
  });
});

describe('an image that has moved at its source since it was copied', () => {
  it('is the copy all the same, and the user is told', async () => {
    const moved: Outcome = { state: 'present', digest: DIGEST, moved: `sha256:${'b'.repeat(64)}` };
    const webhook = new Webhook(() => moved, { pin: true });
    const answer = await webhook.answer(creating(pod(containers('a:1'))));
    expect(written(answer)).toEqual([`${BACKUP}/a:1@${DIGEST}`]);
    expect(answer.warnings).toEqual([
      expect.stringContaining('moved at its source since it was copied: "a:1" is now "'),
    ]);
  });
});

describe('a copy that is not there in time', () => {
  it('leaves the source and says so, by default', async () => {
    const answer = await new Webhook(() => PENDING).answer(creating(pod(containers('a:1'))));
    expect(answer).toMatchObject({ response: { allowed: true }, patch: [] });
    expect(answer.warnings).toEqual(['image-cloner: "a:1" is still being copied and stays as it is for now']);
  });

  it('is written already with onPending rewrite, and the user is told', async () => {
    const answer = await new Webhook(() => PENDING, { onPending: 'rewrite' }).answer(
      creating(pod(containers('a:1'))),
    );
    expect(written(answer)).toEqual([`${BACKUP}/a:1`]);
    expect(answer.warnings).toEqual([
      `image-cloner: still being copied, pulls may fail: "a:1" is now "${BACKUP}/a:1"`,
    ]);
  });

  it('is watched once it is written: whoever was pointed at a copy that then fails is told of', async () => {
    const outcomes: Record<string, Outcome[]> = { 'a:1': [PENDING, FAILED], 'b:1': [PENDING, COPIED] };
    const webhook = new Webhook((source) => outcomes[source]?.shift() ?? PRESENT, { onPending: 'rewrite' });
    await webhook.answer(creating(pod(containers('a:1', 'a:1', 'b:1'))));
    await expect.poll(() => webhook.told).toContain('stranded');
    expect(webhook.copies.ensured).toEqual(['a:1', 'b:1', 'a:1', 'b:1']);
    expect(webhook.events.filter(({ type }) => type === 'stranded')).toEqual([
      expect.objectContaining({
        namespace: 'lab',
        name: 'w',
        source: 'docker.io/library/a:1',
        backup: `${BACKUP}/a:1`,
        error: FAILED.error,
      }),
    ]);
  });

  it('is watched once it is written: a digest that a daemon then made anew is told of', async () => {
    const pinned = `a:1@sha256:${'b'.repeat(64)}`;
    const outcomes: Outcome[] = [PENDING, COPIED];
    const webhook = new Webhook(() => outcomes.shift() ?? PRESENT, { onPending: 'rewrite' });
    await webhook.answer(creating(pod(containers(pinned))));
    await expect.poll(() => webhook.told).toContain('stranded');
    expect(webhook.events.find(({ type }) => type === 'stranded')).toHaveProperty(
      'error.code',
      'OTHER_DIGEST',
    );
  });

  it('is not watched when its name is not written', async () => {
    const webhook = new Webhook(() => PENDING);
    await webhook.answer(creating(pod(containers('a:1'))));
    expect(webhook.copies.ensured).toEqual(['a:1']);
  });

  it('refuses the request with onPending deny, and says that trying again helps', async () => {
    const webhook = new Webhook(() => PENDING, { onPending: 'deny' });
    const answer = await webhook.answer(creating(pod(containers('a:1'))));
    expect(answer.response).toEqual({
      uid: 'uid-1',
      allowed: false,
      status: {
        code: 403,
        reason: 'Forbidden',
        message: '"a:1" is still being copied to the backup registry, try again in a moment',
      },
    });
    expect(webhook.events.at(-1)).toMatchObject({
      type: 'answered',
      result: 'denied',
      message: expect.stringContaining('try again'),
    });
  });

  it('does not keep the other images of the pod from theirs', async () => {
    const webhook = new Webhook(scripted({ 'b:1': PENDING }));
    const answer = await webhook.answer(creating(pod(containers('a:1', 'b:1', 'c:1'))));
    expect(written(answer)).toEqual([`${BACKUP}/a:1`, `${BACKUP}/c:1`]);
    expect(answer.warnings).toHaveLength(3);
  });
});

describe('a copy that fails', () => {
  it('leaves the source and tells the user why, by default, without what only operators may know', async () => {
    const webhook = new Webhook(() => FAILED);
    const answer = await webhook.answer(creating(pod(containers('a:1'))));
    expect(answer).toMatchObject({ response: { allowed: true }, patch: [] });
    expect(answer.warnings).toEqual([
      'image-cloner: "a:1" was not copied and stays as it is: unauthorized (backup registry)',
    ]);
    expect(webhook.events.find(({ type }) => type === 'found')).toMatchObject({
      state: 'failed',
      error: FAILED.error,
    });
  });

  it('refuses the request with onFailure deny, for that reason', async () => {
    const webhook = new Webhook(scripted({ 'b:1': FAILED }), { onFailure: 'deny' });
    const answer = await webhook.answer(creating(pod(containers('a:1', 'b:1'))));
    expect(answer).toMatchObject({
      patch: [],
      warnings: [],
      response: {
        allowed: false,
        status: {
          message: '"b:1" could not be copied to the backup registry: unauthorized (backup registry)',
        },
      },
    });
  });

  it.each([
    ['pending', 'onFailure', PENDING],
    ['failed', 'onPending', FAILED],
  ] as const)('is told apart from one in time: %s is not denied by %s', async (_state, setting, outcome) => {
    const webhook = new Webhook(() => outcome, { [setting]: 'deny' });
    expect((await webhook.answer(creating(pod(containers('a:1'))))).response['allowed']).toBe(true);
  });

  it('gives all reasons at once', async () => {
    const webhook = new Webhook(scripted({ 'a:1': FAILED, 'b:1': PENDING }), {
      onFailure: 'deny',
      onPending: 'deny',
    });
    const { response } = await webhook.answer(creating(pod(containers('a:1', 'b:1', 'a:1'))));
    expect(response['status']).toMatchObject({
      message:
        '"a:1" could not be copied to the backup registry: unauthorized (backup registry); "b:1" is still being copied to the backup registry, try again in a moment',
    });
  });
});

describe('a dry run', () => {
  it('shows the patch where the copy is there, and copies nothing', async () => {
    const webhook = new Webhook(() => PRESENT);
    const answer = await webhook.answer(creating(pod(containers('a:1', 'a:1')), { dryRun: true }));
    expect(written(answer)).toEqual([`${BACKUP}/a:1`, `${BACKUP}/a:1`]);
    expect([webhook.copies.ensured, webhook.copies.looked]).toEqual([[], ['a:1']]);
  });

  it.each(['allow', 'rewrite', 'deny'] as const)(
    'says what would be copied, and copies nothing, with onPending %s',
    async (onPending) => {
      const webhook = new Webhook(() => PENDING, { onPending, onFailure: 'deny' });
      const answer = await webhook.answer(creating(pod(containers('a:1')), { dryRun: true }));
      expect(answer).toMatchObject({ response: { allowed: true }, patch: [] });
      expect(answer.warnings).toEqual([`image-cloner: "a:1" would be copied to "${BACKUP}/a:1"`]);
      expect([webhook.copies.ensured, webhook.copies.looked]).toEqual([[], ['a:1']]);
    },
  );
});

describe('an image is left alone', () => {
  it.each([
    ['that is empty', ''],
    ['that is a placeholder', 'auto'],
    ['that is a copy already', 'registry.example.com/backup/docker.io/library/a:1'],
  ])('%s, without a word', async (_what, image) => {
    const webhook = new Webhook();
    const answer = await webhook.answer(creating(pod(containers(image))));
    expect(answer.response).toEqual({ uid: 'uid-1', allowed: true });
    expect(webhook.copies.ensured).toEqual([]);
    expect(webhook.told).toEqual(['received', 'skipped', 'answered']);
  });

  it('that is never pulled', async () => {
    const spec = { containers: [{ name: 'a', image: 'a:1', imagePullPolicy: 'Never' }] };
    const webhook = new Webhook();
    expect((await webhook.answer(creating(pod(spec)))).response).toEqual({ uid: 'uid-1', allowed: true });
    expect(webhook.events).toContainEqual(
      expect.objectContaining({ type: 'skipped', container: 'a', source: 'a:1', reason: 'never-pulled' }),
    );
  });

  it('that is no reference, and the user is told', async () => {
    const answer = await new Webhook().answer(creating(pod(containers('Nginx\n', 'a:1'))));
    expect(written(answer)).toEqual([`${BACKUP}/a:1`]);
    expect(answer.warnings[0]).toBe('image-cloner: not an image reference, left as it is: "Nginx\\n"');
  });

  it('that is far too long, and the log is not filled with it', async () => {
    const webhook = new Webhook();
    const spec = { containers: [{ name: 'n'.repeat(1_000_000), image: 'x'.repeat(1_000_000) }] };
    const answer = await webhook.answer(creating(pod(spec)));
    expect(answer.warnings.join('').length).toBeLessThanOrEqual(120);
    expect(JSON.stringify(webhook.events).length).toBeLessThan(2500);
  });
});

describe('an update', () => {
  it('handles the image that changed and no other', async () => {
    const webhook = new Webhook();
    const answer = await webhook.answer(
      updating(deployment(containers('a:1', 'b:2', 'c:1')), deployment(containers('a:1', 'b:1', 'c:1'))),
    );
    expect(answer.patch[0]).toEqual({
      op: 'replace',
      path: '/spec/template/spec/containers/1/image',
      value: `${BACKUP}/b:2`,
    });
    expect(webhook.copies.ensured).toEqual(['b:2']);
  });

  it.each<[string, unknown, unknown]>([
    [
      'labels an old Job',
      labelled(templated('batch/v1', 'Job', containers('a:1'))),
      templated('batch/v1', 'Job', containers('a:1')),
    ],
    ['labels an old Pod', labelled(pod(containers('a:1'))), pod(containers('a:1'))],
    ['labels an old Deployment', labelled(deployment(containers('a:1'))), deployment(containers('a:1'))],
    ['labels an old CronJob', labelled(cronJob(containers('a:1'))), cronJob(containers('a:1'))],
    ['has no old object', deployment(containers('a:1')), undefined],
    ['has null as old object', deployment(containers('a:1')), null],
    ['has null as object', null, deployment(containers('a:1'))],
    [
      'takes the finalizer of what is being deleted',
      pod(containers('a:1'), { deletionTimestamp: 'now' }),
      pod(containers('a:1'), { finalizers: ['x'] }),
    ],
  ])('that %s changes nothing', async (_what, object, oldObject) => {
    const webhook = new Webhook();
    const answer = await webhook.answer(updating(object, oldObject));
    expect(answer.response).toEqual({ uid: 'uid-1', allowed: true });
    expect(webhook.copies.ensured).toEqual([]);
  });

  it('of a terminating Pod that brings another image is handled like any other', async () => {
    const [now, before] = ['a:2', 'a:1'].map((image) => pod(containers(image), { deletionTimestamp: 'now' }));
    expect(written(await new Webhook().answer(updating(now, before)))).toEqual([`${BACKUP}/a:2`]);
  });

  it('that applies the same manifest again leads to what is stored', async () => {
    const annotations = { 'image-cloner.dev/original-images': '{"c0":"a:1"}' };
    const stored = deployment(containers(`${BACKUP}/a:1`), { annotations });
    const answer = await new Webhook().answer(
      updating(deployment(containers('a:1'), { annotations }), stored),
    );
    expect(answer.patch).toEqual([
      { op: 'replace', path: '/spec/template/spec/containers/0/image', value: `${BACKUP}/a:1` },
    ]);
  });

  it('keeps the annotation of containers that it does not touch, if it is true', async () => {
    const annotations = { 'image-cloner.dev/original-images': '{"c0":"a:1","c1":"evil:1"}' };
    const before = containers(`${BACKUP}/a:1`, `${BACKUP}/b:1`, 'c:1');
    const now = containers(`${BACKUP}/a:1`, `${BACKUP}/b:1`, 'c:2');
    const answer = await new Webhook().answer(
      updating(deployment(now, { annotations }), deployment(before, { annotations })),
    );
    expect(answer.patch.at(-1)).toMatchObject({ value: '{"c0":"a:1","c2":"c:2"}' });
  });
});

describe('a container for debugging', () => {
  const subResource = 'ephemeralcontainers';

  it.each([
    ['the first', ['d:1'], [], ['d:1']],
    ['the second', ['d:1', 'd:2'], ['d:1'], ['d:2']],
    ['a second of the same image', ['d:1', 'd:1'], ['d:1'], ['d:1']],
    ['none', ['d:1'], ['d:1'], []],
  ])('gets its copy, and those that are there are not touched: %s', async (_which, now, before, expected) => {
    const answer = await new Webhook().answer(updating(debugged(now), debugged(before), { subResource }));
    expect(written(answer)).toEqual(expected.map((image) => `${BACKUP}/${image}`));
  });

  it('gets its copy in a Pod that a controller made', async () => {
    const controlled = { ownerReferences: [{ apiVersion: 'apps/v1', kind: 'ReplicaSet', controller: true }] };
    const answer = await new Webhook().answer(
      updating(debugged(['d:1'], controlled), debugged([], controlled), { subResource }),
    );
    expect(written(answer)).toEqual([`${BACKUP}/d:1`]);
  });

  it('is all that counts in such a request', async () => {
    const object = {
      ...debugged(['d:1']),
      spec: { ...containers('a:2'), ephemeralContainers: [{ name: 'd0', image: 'd:1' }] },
    };
    const answer = await new Webhook().answer(updating(object, debugged([]), { subResource }));
    expect(written(answer)).toEqual([`${BACKUP}/d:1`]);
  });
});

describe('a request is passed without a look at its images', () => {
  const owned = { ownerReferences: [{ apiVersion: 'apps/v1', kind: 'Deployment', controller: true }] };

  it.each<[string, unknown, Record<string, unknown>]>([
    ['operation', null, { operation: 'DELETE', oldObject: pod(containers('a:1')) }],
    ['operation', pod(containers('a:1')), { operation: 'DELETE' }],
    ['operation', pod(containers('a:1')), { operation: 'CONNECT', subResource: 'exec' }],
    ['operation', { apiVersion: 'v1', kind: 'PodExecOptions', container: 'a' }, { operation: 'CONNECT' }],
    ['subresource', pod(containers('a:1')), { subResource: 'status' }],
    ['subresource', pod(containers('a:1')), { subResource: 'resize' }],
    ['subresource', pod(containers('a:1')), { subResource: 'unheard-of' }],
    ['subresource', deployment(containers('a:1')), { subResource: 'scale' }],
    ['subresource', { apiVersion: 'v1', kind: 'Binding' }, { subResource: 'binding' }],
    ['mirror-pod', pod(containers('a:1'), { annotations: { 'kubernetes.io/config.mirror': 'x' } }), {}],
    [
      'mirror-pod',
      pod(containers('a:1'), { annotations: { 'kubernetes.io/config.mirror': 'x' } }),
      { subResource: 'ephemeralcontainers' },
    ],
    ['controlled', templated('apps/v1', 'ReplicaSet', containers('a:1'), owned), {}],
    ['opted-out', deployment(containers('a:1'), { labels: { 'image-cloner': 'disabled' } }), {}],
  ])('because of: %s', async (reason, object, more) => {
    const webhook = new Webhook();
    expect((await webhook.answer(creating(object, more))).response).toEqual({ uid: 'uid-1', allowed: true });
    expect(webhook.told).toEqual(['received', 'ignored', 'answered']);
    expect(webhook.events[1]).toMatchObject({ reason });
  });

  it.each<[string, unknown]>([
    ['of an unknown kind', { apiVersion: 'example.com/v1', kind: 'Database', spec: { image: 'a:1' } }],
    ['with null as object', null],
    ['with a text as object', 'Pod'],
    ['with a list as object', [pod(containers('a:1'))]],
    ['without a spec', pod(undefined)],
    ['without containers', pod({})],
    ['with null as containers', pod({ containers: null })],
    ['with a text as containers', pod({ containers: 'a:1' })],
    ['with containers that are none', pod({ containers: [null, 5, 'a:1'] })],
  ])('%s, for it has none', async (_what, object) => {
    const webhook = new Webhook();
    expect((await webhook.answer(creating(object))).response).toEqual({ uid: 'uid-1', allowed: true });
    expect(webhook.told).toEqual(['received', 'answered']);
  });
});

describe('a patch that would not be safe', () => {
  it('is not sent: the object is allowed as it is, and the user and the operator are told', async () => {
    const webhook = new Webhook(scripted({ 'b:1': PENDING }));
    const { metadata: _metadata, ...object } = pod(containers('a:1', 'b:1'));
    const answer = await webhook.answer(creating(object));
    expect(answer).toMatchObject({ response: { allowed: true }, patch: [] });
    expect(answer.warnings).toEqual([
      'image-cloner: the images stay as they are: the change could not be made safely',
      'image-cloner: "b:1" is still being copied and stays as it is for now',
    ]);
    expect(webhook.told.slice(-2)).toEqual(['unsafe-patch', 'answered']);
  });

  it('is not made of an object too deep to be cloned', async () => {
    const depth = 200_000;
    const deep = `${'{"a":'.repeat(depth)}1${'}'.repeat(depth)}`;
    const body = JSON.stringify(creating(pod({ ...containers('a:1'), deep: 0 }))).replace(
      '"deep":0',
      `"deep":${deep}`,
    );
    const answer = await new Webhook().send(Buffer.from(body));
    expect(answer).toMatchObject({ status: 200, response: { uid: 'uid-1', allowed: true }, patch: [] });
  });
});

function labelled(object: Record<string, unknown>): unknown {
  return { ...object, metadata: { name: 'w', namespace: 'lab', labels: { new: 'label' } } };
}

function debugged(
  images: readonly string[],
  metadata: Record<string, unknown> = {},
): Record<string, unknown> {
  const ephemeralContainers = images.map((image, index) => ({ name: `d${index}`, image }));
  return pod({ ...containers('a:1'), ephemeralContainers }, metadata);
}

/** A judgement by these rules. */
function ruledBy(...texts: readonly RuleText[]): Partial<Judgement> {
  const rules = compileRules(texts);
  if (!rules.ok) throw new Error(JSON.stringify(rules.faults));
  return { rules: rules.rules };
}

describe('a Pod of a controller', () => {
  const controlled = { ownerReferences: [{ apiVersion: 'apps/v1', kind: 'ReplicaSet', controller: true }] };

  it('gets the copies that are there; the others are not copied for it, and nobody is told', async () => {
    const webhook = new Webhook(scripted({ 'b:1': PENDING }), { onPending: 'deny', onFailure: 'deny' });
    const answer = await webhook.answer(creating(pod(containers('a:1', 'b:1'), controlled)));
    expect(written(answer)).toEqual([`${BACKUP}/a:1`]);
    expect(answer.warnings).toEqual([`image-cloner: "a:1" is now "${BACKUP}/a:1"`]);
    expect([webhook.copies.ensured, webhook.copies.looked]).toEqual([[], ['a:1', 'b:1']]);
  });

  it('does not wait for a backup registry that does not answer', async () => {
    const webhook = new Webhook(
      (_source, signal) =>
        new Promise((resolve) => {
          signal.addEventListener('abort', () => resolve(PENDING));
        }),
    );
    const answer = await webhook.answer(creating(pod(containers('a:1'), controlled)), '30s');
    expect(answer).toMatchObject({ response: { allowed: true }, patch: [], warnings: [] });
  });
});

describe('a rule', () => {
  it('refuses with its message', async () => {
    const webhook = new Webhook(
      undefined,
      {},
      ruledBy({ name: 'no-b', match: { images: ['**/b'] }, action: 'deny', message: 'use a instead' }),
    );
    const { response } = await webhook.answer(creating(pod(containers('a:1', 'b:1'))));
    expect(response).toMatchObject({
      allowed: false,
      status: { code: 403, message: '"b:1": use a instead' },
    });
    expect(webhook.events).toContainEqual(
      expect.objectContaining({ type: 'refused', source: 'docker.io/library/b:1', rule: 'no-b' }),
    );
  });

  it('refuses without a message in words of its own', async () => {
    const webhook = new Webhook(undefined, {}, ruledBy({ name: 'no', action: 'deny' }));
    const { response } = await webhook.answer(creating(pod(containers('b:1'))));
    expect(response['status']).toMatchObject({ message: '"b:1": not allowed here, by the rule "no"' });
  });

  it('refuses in a dry run, too', async () => {
    const webhook = new Webhook(undefined, {}, ruledBy({ action: 'deny' }));
    const { response } = await webhook.answer(creating(pod(containers('b:1')), { dryRun: true }));
    expect(response['allowed']).toBe(false);
  });

  it.each([
    [undefined, `"a:1" would be copied to "${BACKUP}/a:1"`],
    ['images will be copied from May on', '"a:1": images will be copied from May on'],
  ])('with the message %j warns and changes nothing', async (message, warning) => {
    const webhook = new Webhook(undefined, {}, ruledBy({ action: 'warn', message }));
    const answer = await webhook.answer(creating(pod(containers('a:1'))));
    expect(answer).toMatchObject({ response: { allowed: true }, patch: [] });
    expect(answer.warnings).toEqual([`image-cloner: ${warning}`]);
    expect([webhook.copies.ensured, webhook.copies.looked]).toEqual([[], []]);
  });

  it('rewrites without asking any registry', async () => {
    const webhook = new Webhook(() => PENDING, {}, ruledBy({ name: 'proxied', action: 'rewrite-only' }));
    const answer = await webhook.answer(creating(pod(containers('a:1'))));
    expect(written(answer)).toEqual([`${BACKUP}/a:1`]);
    expect([webhook.copies.ensured, webhook.copies.looked]).toEqual([[], []]);
    expect(webhook.events).toContainEqual(
      expect.objectContaining({
        type: 'rewritten',
        source: 'docker.io/library/a:1',
        backup: `${BACKUP}/a:1`,
        rule: 'proxied',
      }),
    );
  });

  it('rewrites after a check that the backup registry has it, and says so where it has not', async () => {
    const rules = ruledBy({ action: 'rewrite-only', check: true });
    const webhook = new Webhook(scripted({ 'b:1': PENDING }), {}, rules);
    const answer = await webhook.answer(creating(pod(containers('a:1', 'b:1'))));
    expect(written(answer)).toEqual([`${BACKUP}/a:1`]);
    expect(answer.warnings).toContain('image-cloner: "b:1" is not in the backup registry and stays as it is');
    expect([webhook.copies.ensured, webhook.copies.looked]).toEqual([[], ['a:1', 'b:1']]);
  });

  it('leaves alone without a word', async () => {
    const webhook = new Webhook(undefined, {}, ruledBy({ name: 'ours', action: 'skip' }));
    const answer = await webhook.answer(creating(pod(containers('a:1'))));
    expect(answer.response).toEqual({ uid: 'uid-1', allowed: true });
    expect(webhook.events).toContainEqual(
      expect.objectContaining({ type: 'skipped', reason: 'rule', rule: 'ours', source: 'a:1' }),
    );
  });
});

describe('a custom resource', () => {
  it('is rewritten where its configuration says, and tells its source', async () => {
    const kinds = new Map([
      ...BUILT_IN_KINDS,
      ['Cluster.example.com', { image: ['spec', 'imageName'] }] as const,
    ]);
    const object = {
      apiVersion: 'example.com/v1',
      kind: 'Cluster',
      metadata: {},
      spec: { imageName: 'db:1', other: 'db:1' },
    };
    const answer = await new Webhook(undefined, {}, { kinds }).answer(creating(object));
    expect(answer.patch).toEqual([
      { op: 'replace', path: '/spec/imageName', value: `${BACKUP}/db:1` },
      {
        op: 'add',
        path: '/metadata/annotations',
        value: { 'image-cloner.dev/original-images': '{"/spec/imageName":"db:1"}' },
      },
    ]);
  });
});

describe('with tags pinned', () => {
  const digest = `sha256:${'a'.repeat(64)}`;

  it.each<[string, Outcome]>([
    ['that was there', PRESENT],
    ['that was just made', COPIED],
  ])('the digest of a copy %s is written behind its tag', async (_what, outcome) => {
    const webhook = new Webhook(() => outcome, { pin: true });
    const answer = await webhook.answer(creating(pod(containers('a:1', 'a'))));
    expect(written(answer)).toEqual([`${BACKUP}/a:1@${digest}`, `${BACKUP}/a:latest@${digest}`]);
    expect(answer.warnings[0]).toBe(`image-cloner: "a:1" is now "${BACKUP}/a:1"`);
  });

  it('a digest that the user wrote stays', async () => {
    const own: Digest = `sha256:${'b'.repeat(64)}`;
    const answer = await new Webhook(() => ({ state: 'present', digest: own }), { pin: true }).answer(
      creating(pod(containers(`a:1@${own}`))),
    );
    expect(written(answer)).toEqual([`${BACKUP}/a:1@${own}`]);
  });

  it('what is not known is not written: a copy that is still under way, or one that nobody looked for', async () => {
    const pending = new Webhook(() => PENDING, { pin: true, onPending: 'rewrite' });
    expect(written(await pending.answer(creating(pod(containers('a:1')))))).toEqual([`${BACKUP}/a:1`]);
    const unseen = new Webhook(undefined, { pin: true }, ruledBy({ action: 'rewrite-only' }));
    expect(written(await unseen.answer(creating(pod(containers('a:1')))))).toEqual([`${BACKUP}/a:1`]);
  });

  it.each([
    ['in a dry run', {}, { dryRun: true }, {}],
    [
      'for a pod of a controller',
      {},
      {},
      { ownerReferences: [{ apiVersion: 'apps/v1', kind: 'ReplicaSet', controller: true }] },
    ],
    ['after a check', ruledBy({ action: 'rewrite-only', check: true }), {}, {}],
  ])('who only looks for a copy finds its digest, too: %s', async (_when, rules, request, metadata) => {
    const webhook = new Webhook(undefined, { pin: true }, rules);
    const answer = await webhook.answer(creating(pod(containers('a:1'), metadata), request));
    expect(written(answer)).toEqual([`${BACKUP}/a:1@${digest}`]);
    expect([webhook.copies.ensured, webhook.copies.looked]).toEqual([[], ['a:1']]);
  });

  it('the same manifest applied again leads to what is stored, and the annotation stays true', async () => {
    const annotations = { 'image-cloner.dev/original-images': '{"c0":"a:1","c1":"b:1"}' };
    const before = containers(`${BACKUP}/a:1@${digest}`, `${BACKUP}/b:1@${digest}`);
    const now = containers('a:1', `${BACKUP}/b:1@${digest}`);
    const webhook = new Webhook(undefined, { pin: true });
    const answer = await webhook.answer(
      updating(deployment(now, { annotations }), deployment(before, { annotations })),
    );
    expect(answer.patch).toEqual([
      { op: 'replace', path: '/spec/template/spec/containers/0/image', value: `${BACKUP}/a:1@${digest}` },
    ]);
    expect(webhook.copies.ensured).toEqual(['a:1']);
  });
});

/** Who asks is asked for nothing, and remembered. */
function tenantOf(asked: Asker[]): TenantOf {
  return (asker) => {
    asked.push(asker);
    return { name: asker.namespace, key: 'key', sources: async () => [] };
  };
}

describe('who asks for a copy', () => {
  const apart = { naming: { ...JUDGEMENT.naming, apart: true } };
  const OWN = { host: 'registry.example.com', path: 'backup/ns/lab/docker.io/library/a', tag: '1' };
  const spec = { ...containers('a:1'), imagePullSecrets: [{ name: 'pull' }], serviceAccountName: 'builder' };

  it('is the namespace, with the pull secrets of its pods', async () => {
    const asked: Asker[] = [];
    const webhook = new Webhook(undefined, {}, apart, tenantOf(asked));
    await webhook.answer(creating(deployment(spec)));
    expect(asked).toEqual([
      { namespace: 'lab', pullSecrets: { names: ['pull'], serviceAccount: 'builder' } },
    ]);
    expect(webhook.copies.tenants).toMatchObject([{ name: 'lab', backup: OWN }]);
  });

  it('has no copy of its own where copies are for everybody', async () => {
    const webhook = new Webhook(undefined, {}, {}, tenantOf([]));
    await webhook.answer(creating(deployment(spec)));
    expect(webhook.copies.tenants).toMatchObject([{ name: 'lab' }]);
    expect(webhook.copies.tenants[0]).not.toHaveProperty('backup');
  });

  it.each(['', 'a/b', '../x', 'A'])('is nobody where the namespace is %j', async (namespace) => {
    const asked: Asker[] = [];
    const webhook = new Webhook(undefined, {}, apart, tenantOf(asked));
    await webhook.answer(creating(deployment(spec), { namespace }));
    expect([asked, webhook.copies.tenants]).toEqual([[], []]);
  });

  it.each([
    ['made', {}, COPIED],
    ['found', {}, PRESENT],
    ['only looked for', { dryRun: true }, PRESENT],
  ])('is pointed at its own copy where that was %s', async (_how, request, outcome) => {
    const webhook = new Webhook(() => ({ ...outcome, ownBackup: OWN }), { pin: true }, apart, tenantOf([]));
    const answer = await webhook.answer(creating(deployment(spec), request));
    expect(written(answer)).toEqual([expect.stringContaining('backup/ns/lab/docker.io/library/a:1@sha256:')]);
    expect(answer.warnings[0]).toContain('backup/ns/lab/');
    expect(webhook.events.find(({ type }) => type === 'found')).toMatchObject({
      backup: 'registry.example.com/backup/ns/lab/docker.io/library/a:1',
    });
  });

  it('is not pointed at a copy of which nobody knows yet whose it will be', async () => {
    const webhook = new Webhook(() => PENDING, { onPending: 'rewrite' }, apart, tenantOf([]));
    const answer = await webhook.answer(creating(deployment(spec)));
    expect(written(answer)).toEqual([]);
    expect(answer.warnings[0]).toContain('still being copied');
  });

  it('is still the same when a promised copy is watched', async () => {
    const webhook = new Webhook(() => PENDING, { onPending: 'rewrite' }, {}, tenantOf([]));
    await webhook.answer(creating(deployment(spec)));
    await expect.poll(() => webhook.copies.ensured).toHaveLength(2);
    expect(webhook.copies.tenants).toHaveLength(2);
  });

  it('is denied what another namespace has for itself', async () => {
    const webhook = new Webhook(undefined, {}, apart, tenantOf([]));
    const image = 'registry.example.com/backup/ns/bank/quay.io/app:1';
    const { response } = await webhook.answer(creating(deployment(containers(image))));
    expect(response).toMatchObject({
      allowed: false,
      status: { message: expect.stringContaining('a copy of namespace "bank" is for that namespace alone') },
    });
  });
});

describe('a private image that was not copied', () => {
  const cause = Object.assign(new Error('Cannot read secret'), { advice: 'may not get secret "pull"' });
  const forbidden = Object.assign(new Error('source failed', { cause }), {
    code: 'FORBIDDEN',
    side: 'source',
  });
  const refused = Object.assign(new Error('source failed'), { code: 'UNAUTHORIZED', side: 'source' });

  it('comes with what can be done about it, once', async () => {
    const webhook = new Webhook(() => ({ state: 'failed', error: forbidden }));
    const { warnings } = await webhook.answer(creating(pod(containers('a:1', 'b:1'))));
    expect(warnings).toEqual([
      expect.stringContaining('"a:1" was not copied'),
      expect.stringContaining('"b:1" was not copied'),
      'image-cloner: may not get secret "pull"',
    ]);
  });

  it('says in a denial, too, what can be done', async () => {
    const webhook = new Webhook(() => ({ state: 'failed', error: forbidden }), { onFailure: 'deny' });
    const { response } = await webhook.answer(creating(pod(containers('a:1'))));
    expect(response).toMatchObject({
      status: { message: expect.stringMatching(/could not be copied .*; may not get secret "pull"$/) },
    });
  });

  it('is the operator’s matter where pull secrets are not used', async () => {
    const webhook = new Webhook(() => ({ state: 'failed', error: refused }));
    const { warnings } = await webhook.answer(creating(pod(containers('a:1'))));
    expect(warnings[1]).toContain('access.pullSecrets');
    const { warnings: used } = await new Webhook(
      () => ({ state: 'failed', error: refused }),
      {},
      {},
      (asker) => ({ name: asker.namespace, key: '', sources: async () => [] }),
    ).answer(creating(pod(containers('a:1'))));
    expect(used).toHaveLength(1);
  });

  it('of the backup registry’s refusal no such thing is said', async () => {
    const webhook = new Webhook(() => FAILED);
    expect((await webhook.answer(creating(pod(containers('a:1'))))).warnings).toHaveLength(1);
  });
});
