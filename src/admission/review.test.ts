import * as fc from 'fast-check';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { harms } from '../../test/admission-contract.ts';
import { creating, updating } from '../../test/admission-review.ts';
import { references } from '../../test/arbitraries/reference.ts';
import { Webhook } from '../../test/fakes/admission.ts';
import { COPIED, PENDING, PRESENT } from '../../test/fakes/copies.ts';
import { recorded, recordedBytes } from '../../test/recorded.ts';
import { containers, cronJob, deployment, pod } from '../../test/workloads.ts';
import type { Outcome } from '../copy/outcome.ts';
import { familiarReference } from '../image/reference.ts';
import { review } from './review.ts';

const CREATE = creating(pod(containers('a:1')));

describe('review', () => {
  it('writes the answer as the API server reads it, byte for byte', async () => {
    const webhook = new Webhook();
    const { signal } = new AbortController();
    const call = { contentType: 'application/json', timeout: '10s', signal };
    const answer = await review(Buffer.from(JSON.stringify(CREATE)), call, webhook.cloning);
    const copy = 'registry.example.com/backup/docker.io/library/a:1';
    const patch = `[{"op":"replace","path":"/spec/containers/0/image","value":"${copy}"},{"op":"add","path":"/metadata/annotations","value":{"image-cloner.dev/original-images":"{\\"c0\\":\\"a:1\\"}"}}]`;
    expect(answer.status).toBe(200);
    expect(JSON.parse(Buffer.from(answer.body).toString())).toEqual({
      apiVersion: 'admission.k8s.io/v1',
      kind: 'AdmissionReview',
      response: {
        uid: 'uid-1',
        allowed: true,
        warnings: [`image-cloner: "a:1" is now "${copy}"`],
        patchType: 'JSONPatch',
        patch: Buffer.from(patch).toString('base64'),
      },
    });
  });

  it.each(['admission.k8s.io/v1', 'admission.k8s.io/v1beta1'])(
    'answers in the version asked, %s',
    async (apiVersion) => {
      const answer = await new Webhook().answer({ ...CREATE, apiVersion });
      expect(answer.body['apiVersion']).toBe(apiVersion);
      expect(harms({ ...CREATE, apiVersion }, answer)).toEqual([]);
    },
  );

  it('tells of a request from its arrival to its answer, with the same keys in each line', async () => {
    const webhook = new Webhook(() => COPIED);
    const { request } = recorded('create-deployment');
    await webhook.send(recordedBytes('create-deployment'));
    const about = {
      uid: request['uid'],
      operation: 'CREATE',
      kind: 'Deployment',
      namespace: 'lab',
      name: 'd1',
    };
    const names = {
      source: 'docker.io/library/nginx:1.25',
      backup: 'registry.example.com/backup/docker.io/library/nginx:1.25',
    };
    expect(webhook.events).toEqual([
      { type: 'received', ...about, dryRun: false },
      { type: 'planned', ...about, ...names, rule: 'default' },
      { type: 'found', ...about, ...names, ...COPIED, durationMs: expect.any(Number) },
      { type: 'patched', ...about, images: 1, dryRun: false },
      { type: 'answered', ...about, result: 'patched', durationMs: expect.any(Number) },
    ]);
  });

  it('answers calls with the same uid each for itself', async () => {
    const webhook = new Webhook();
    const [one, other] = await Promise.all([webhook.answer(CREATE), webhook.answer(CREATE)]);
    expect(one).toEqual(other);
    expect(webhook.copies.ensured).toEqual(['a:1', 'a:1']);
  });

  it('answers a body of 16.8 MB', async () => {
    const filler = '<'.repeat(1_400_000);
    const [now, before] = ['a:2', 'a:1'].map((image) => pod(containers(image), { annotations: { filler } }));
    const body = JSON.stringify(updating(now, before)).replaceAll('<', '\\u003c');
    expect(body.length).toBeGreaterThan(16_800_000);
    const answer = await new Webhook().send(Buffer.from(body));
    expect(answer.patch).toHaveLength(1);
    expect(harms(updating(now, before), answer)).toEqual([]);
  });
});

describe('what is no review', () => {
  const malformed = { status: 400, code: 'MALFORMED_REVIEW' };

  it.each([
    ['malformed JSON', { bytes: '{' }, malformed],
    ['no bytes', { bytes: '' }, malformed],
    ['another document', { bytes: '{"kind":"Pod"}' }, malformed],
    [
      'another content type',
      { bytes: JSON.stringify(CREATE), contentType: 'text/plain' },
      { status: 415, code: 'UNSUPPORTED_MEDIA_TYPE' },
    ],
  ])('%s is answered with a plain error', async (_what, { bytes, ...sent }, { status, code }) => {
    const webhook = new Webhook();
    const answer = await webhook.send(Buffer.from(bytes), sent);
    expect(answer.status).toBe(status);
    expect(answer.body).toEqual({
      code,
      error: expect.stringContaining('Cannot read the AdmissionReview: '),
    });
    expect(webhook.events).toEqual([{ type: 'malformed', error: expect.objectContaining({ code, status }) }]);
  });

  it('is nothing that could be said to have come without a content type', async () => {
    const { signal } = new AbortController();
    const call = { contentType: undefined, timeout: undefined, signal };
    const { status } = await review(Buffer.from(JSON.stringify(CREATE)), call, new Webhook().cloning);
    expect(status).toBe(415);
  });
});

/** A copy that takes for ever and is pending when the wait is over. */
function untilAborted(_source: string, signal: AbortSignal): Promise<Outcome> {
  return new Promise((resolve) => {
    signal.addEventListener('abort', () => resolve(PENDING), { once: true });
  });
}

describe('the wait', () => {
  afterEach(() => {
    vi.useRealTimers();
  });

  it.each([
    ['15s', 10, 10_000],
    ['2s', 10, 1600],
    ['30s', 3, 3000],
    [undefined, 10, 9000],
  ])('with timeout %s and waitSeconds %d ends after %d ms', async (timeout, waitSeconds, milliseconds) => {
    vi.useFakeTimers();
    const webhook = new Webhook(untilAborted, { waitSeconds });
    const answering = webhook.answer(CREATE, timeout);
    await vi.advanceTimersByTimeAsync(milliseconds - 1);
    expect(webhook.told).toEqual(['received', 'planned']);
    await vi.advanceTimersByTimeAsync(1);
    expect(await answering).toMatchObject({ response: { allowed: true }, patch: [] });
  });

  it('ends when the caller goes away', async () => {
    const caller = new AbortController();
    const webhook = new Webhook(untilAborted);
    const call = { contentType: 'application/json', timeout: '15s', signal: caller.signal };
    const answering = review(Buffer.from(JSON.stringify(CREATE)), call, webhook.cloning);
    caller.abort();
    expect((await answering).status).toBe(200);
    expect(webhook.events.find(({ type }) => type === 'found')).toMatchObject({ state: 'pending' });
  });

  it('is over before it begins where there is no time', async () => {
    const webhook = new Webhook(untilAborted, { waitSeconds: 0 });
    expect((await webhook.answer(CREATE)).warnings).toEqual([
      'image-cloner: "a:1" is still being copied and stays as it is for now',
    ]);
  });
});

describe('a defect of ours', () => {
  it.each<[string, () => Outcome | Promise<Outcome>]>([
    ['rejects', () => Promise.reject(new Error('defect'))],
    [
      'throws',
      () => {
        throw new TypeError('defect');
      },
    ],
    // What is thrown need not be an error.
    ['rejects with a text', () => Promise.reject('defect')],
  ])('never refuses a request: a copy that %s', async (_how, script) => {
    const webhook = new Webhook(script, { onPending: 'deny', onFailure: 'deny' });
    const answer = await webhook.answer(creating(pod(containers('a:1', 'b:1'))));
    expect(answer.response).toEqual({ uid: 'uid-1', allowed: true });
    expect(webhook.told.slice(-2)).toEqual(['crashed', 'answered']);
    expect(webhook.events.find(({ type }) => type === 'crashed')).toMatchObject({
      uid: 'uid-1',
      error: expect.objectContaining({ message: 'defect' }),
    });
  });

  it('is answered with an error where it keeps a review from being read, and the cause is told', async () => {
    const webhook = new Webhook();
    const { status } = await webhook.send(Buffer.from('{}'), JSON.parse('{"contentType":5}'));
    expect(status).toBe(400);
    expect(webhook.events).toEqual([
      { type: 'malformed', error: expect.objectContaining({ cause: expect.any(TypeError) }) },
    ]);
  });

  it('never refuses a request: a name that cannot be made', async () => {
    const webhook = new Webhook();
    const cloning = {
      ...webhook.cloning,
      naming: JSON.parse('{"scheme":"none","prefix":{"host":"a","path":"b"}}'),
    };
    const { signal } = new AbortController();
    const call = { contentType: 'application/json', timeout: undefined, signal };
    const { body } = await review(Buffer.from(JSON.stringify(CREATE)), call, cloning);
    expect(JSON.parse(Buffer.from(body).toString())).toMatchObject({
      response: { uid: 'uid-1', allowed: true },
    });
  });

  it.each(['received', 'planned', 'found', 'skipped', 'answered'])(
    'changes no answer: an observer that throws when it is told %s',
    async (type) => {
      const object = pod(containers('a:1', 'Bad'));
      const expected = await new Webhook().answer(creating(object));
      const webhook = new Webhook();
      const cloning = {
        ...webhook.cloning,
        observe: (event: { type: string }) => {
          if (event.type === type) throw new Error('observer');
        },
      };
      const { signal } = new AbortController();
      const call = { contentType: 'application/json', timeout: undefined, signal };
      const { body } = await review(Buffer.from(JSON.stringify(creating(object))), call, cloning);
      expect(JSON.parse(Buffer.from(body).toString())).toEqual(expected.body);
    },
  );
});

describe('every answer', () => {
  const image = fc.oneof(
    { weight: 3, arbitrary: references.map(familiarReference) },
    {
      weight: 1,
      arbitrary: fc.constantFrom('', 'auto', 'Bad', ' a', 'a\n', 'registry.example.com/backup/a:1'),
    },
    { weight: 1, arbitrary: fc.string() },
  );
  const container = fc.oneof(
    { weight: 4, arbitrary: fc.record({ name: fc.string(), image }) },
    { weight: 1, arbitrary: fc.jsonValue() },
  );
  const list = fc.oneof(
    { weight: 4, arbitrary: fc.array(container, { maxLength: 5 }) },
    { weight: 1, arbitrary: fc.jsonValue() },
  );
  const spec = fc.record({
    containers: list,
    initContainers: list,
    ephemeralContainers: list,
    volumes: list,
  });
  const metadata = fc.oneof(
    { weight: 4, arbitrary: fc.record({ annotations: fc.dictionary(fc.string(), fc.string()) }) },
    {
      weight: 1,
      arbitrary: fc.dictionary(fc.constantFrom('labels', 'annotations', 'ownerReferences'), fc.jsonValue()),
    },
  );
  const object = fc
    .tuple(fc.constantFrom(pod, deployment, cronJob), spec, metadata)
    .map(([make, value, more]) => make(value, more));
  const outcome = fc.constantFrom<Outcome>(PRESENT, COPIED, PENDING, {
    state: 'failed',
    error: new Error('down'),
  });
  const settings = fc.record({
    onPending: fc.constantFrom('allow', 'rewrite', 'deny'),
    onFailure: fc.constantFrom('allow', 'deny'),
  });
  const more = fc.record({
    operation: fc.constantFrom('CREATE', 'UPDATE', 'DELETE', 'CONNECT'),
    subResource: fc.constantFrom('', 'status', 'ephemeralcontainers'),
    dryRun: fc.boolean(),
  });

  const asking = fc
    .tuple(object, object, more)
    .map(([now, before, request]) => creating(now, { oldObject: before, ...request }));

  it('harms nobody, whatever the object, the settings and what becomes of the copies', async () => {
    await fc.assert(
      fc.asyncProperty(asking, outcome, settings, async (asked, end, chosen) => {
        const webhook = new Webhook(() => end, chosen);
        const answer = await webhook.answer(asked);
        expect(harms(JSON.parse(JSON.stringify(asked)), answer)).toEqual([]);
        expect(webhook.told).not.toContain('crashed');
      }),
    );
  });

  it('refuses only where a setting says so', async () => {
    const kind = { onPending: 'allow', onFailure: 'allow' } as const;
    await fc.assert(
      fc.asyncProperty(object, outcome, more, async (now, end, request) => {
        const answer = await new Webhook(() => end, kind).answer(creating(now, request));
        expect(answer.response['allowed']).toBe(true);
      }),
    );
  });

  it('is an error of its own for any other JSON', async () => {
    await fc.assert(
      fc.asyncProperty(fc.jsonValue(), async (body) => {
        expect((await new Webhook().answer(body)).status).toBe(400);
      }),
    );
  });
});
