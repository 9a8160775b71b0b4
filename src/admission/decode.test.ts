import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { creating } from '../../test/admission-review.ts';
import { thrownBy } from '../../test/fakes/thrown.ts';
import { RECORDED, recorded, recordedBytes } from '../../test/recorded.ts';
import { containers, pod } from '../../test/workloads.ts';
import { decodeReview } from './decode.ts';
import type { AdmissionRequest } from './request.ts';
import { ReviewError } from './review-error.ts';

function decode(body: unknown): AdmissionRequest {
  return decodeReview(Buffer.from(JSON.stringify(body)), 'application/json');
}

describe('decodeReview', () => {
  it('reads what decides something and nothing else', () => {
    const object = pod(containers('a:1'));
    expect(decode(creating(object, { userInfo: { username: 'bob' }, options: {}, subResource: '' }))).toEqual(
      {
        apiVersion: 'admission.k8s.io/v1',
        uid: 'uid-1',
        operation: 'CREATE',
        kind: 'Pod',
        namespace: 'lab',
        name: 'w',
        dryRun: false,
        object,
        oldObject: null,
      },
    );
  });

  it.each(RECORDED)('reads the recorded %s', (name) => {
    const { request } = recorded(name);
    expect(decodeReview(recordedBytes(name), 'application/json')).toMatchObject({
      uid: request['uid'],
      operation: request['operation'],
      namespace: 'lab',
      dryRun: request['dryRun'],
      object: request['object'],
      oldObject: request['oldObject'],
      ...(request['subResource'] !== undefined && { subResource: request['subResource'] }),
    });
  });

  it.each(['admission.k8s.io/v1', 'admission.k8s.io/v1beta1'])('reads version %s', (apiVersion) => {
    expect(decode({ ...creating(null), apiVersion }).apiVersion).toBe(apiVersion);
  });

  it.each([
    [true, true],
    [false, false],
    [undefined, false],
    [null, false],
    ['true', false],
  ])('reads dryRun %j as %s', (dryRun, expected) => {
    expect(decode(creating(null, { dryRun })).dryRun).toBe(expected);
  });

  it('names an object whose name is not made yet by what it will begin with', () => {
    const generated = { metadata: { generateName: 'gen-' } };
    expect(decode(creating(generated, { name: undefined })).name).toBe('gen-');
    expect(decode(creating(generated, { name: 'given' })).name).toBe('given');
    expect(decode(creating({}, { name: undefined }))).not.toHaveProperty('name');
    expect(decode(creating({ metadata: { generateName: 5 } }, { name: undefined }))).not.toHaveProperty(
      'name',
    );
  });

  it('takes missing objects for null, and reads any JSON as an object: finding images is stricter', () => {
    expect(decode(creating(undefined, { oldObject: undefined }))).toMatchObject({
      object: null,
      oldObject: null,
    });
    expect(decode(creating('text', { oldObject: [5] }))).toMatchObject({ object: 'text', oldObject: [5] });
  });

  it('reads a name that is no text as none', () => {
    const request = decode(creating(null, { name: 5, namespace: ['lab'], subResource: {} }));
    expect(request).not.toHaveProperty('name');
    expect(request).not.toHaveProperty('namespace');
    expect(request).not.toHaveProperty('subResource');
  });

  it.each(['application/json', 'application/json; charset=utf-8', 'Application/JSON'])(
    'takes content type %s',
    (type) => {
      expect(decodeReview(Buffer.from(JSON.stringify(creating(null))), type).uid).toBe('uid-1');
    },
  );

  it.each([
    undefined,
    '',
    'text/plain',
    'application/yaml',
    'application/jsonp',
    'application/vnd.kubernetes.protobuf',
  ])('refuses content type %j with 415', (type) => {
    const thrown = thrownBy(() => decodeReview(Buffer.from(JSON.stringify(creating(null))), type));
    expect(thrown).toMatchObject({ status: 415, code: 'UNSUPPORTED_MEDIA_TYPE' });
  });

  it('shows only the beginning of a long content type', () => {
    const thrown = thrownBy(() => decodeReview(Buffer.from(''), 'x'.repeat(10_000)));
    expect(String(thrown).length).toBeLessThan(250);
  });

  it.each<[string, Buffer]>([
    ['no bytes', Buffer.from('')],
    ['a truncated body', recordedBytes('create-deployment').subarray(0, 1000)],
    ['HTML', Buffer.from('<html></html>')],
    ['bytes that are no UTF-8', Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d])],
    ['compressed bytes', Buffer.from([0x1f, 0x8b, 8, 0, 0, 0, 0, 0])],
    ['two documents', Buffer.from('{}{}')],
    ['brackets without end', Buffer.from('['.repeat(200_000))],
  ])('refuses %s with 400', (_what, bytes) => {
    const thrown = thrownBy(() => decodeReview(bytes, 'application/json'));
    expect(thrown).toMatchObject({ status: 400, code: 'MALFORMED_REVIEW' });
  });

  it('says nothing of what stands in a body that it cannot read', () => {
    const thrown = thrownBy(() => decodeReview(Buffer.from('{"password":"hunter2"'), 'application/json'));
    expect(thrown).toBeInstanceOf(ReviewError);
    expect(thrown).not.toHaveProperty('cause');
    expect(String(thrown)).toBe(
      'ReviewError: Cannot read the AdmissionReview: wanted JSON in UTF-8, got 21 bytes of something else',
    );
  });

  const valid = creating(pod(containers('a:1')));
  it.each<[string, unknown, string]>([
    ['null', null, 'body'],
    ['a list', [valid], 'body'],
    ['a text', 'AdmissionReview', 'body'],
    ['no version', { ...valid, apiVersion: undefined }, 'apiVersion'],
    ['a later version', { ...valid, apiVersion: 'admission.k8s.io/v2' }, 'apiVersion'],
    ['a version of something else', { ...valid, apiVersion: 'apps/v1' }, 'apiVersion'],
    ['a version that is no text', { ...valid, apiVersion: ['admission.k8s.io/v1'] }, 'apiVersion'],
    ['no kind', { ...valid, kind: undefined }, 'AdmissionReview'],
    ['another kind', { ...valid, kind: 'ConversionReview' }, 'AdmissionReview'],
    ['no request', { ...valid, request: undefined }, 'request'],
    ['null as request', { ...valid, request: null }, 'request'],
    ['a list as request', { ...valid, request: [] }, 'request'],
    [
      'a response instead',
      { ...valid, request: undefined, response: { uid: 'x', allowed: true } },
      'request',
    ],
    ['no uid', creating(null, { uid: undefined }), 'request.uid'],
    ['an empty uid', creating(null, { uid: '' }), 'request.uid'],
    ['a number as uid', creating(null, { uid: 5 }), 'request.uid'],
    ['no operation', creating(null, { operation: undefined }), 'request.operation'],
    ['an unknown operation', creating(null, { operation: 'PATCH' }), 'request.operation'],
    ['an operation in lower case', creating(null, { operation: 'create' }), 'request.operation'],
    ['no kind of the object', creating(null, { kind: undefined }), 'request.kind'],
    ['a text as kind of the object', creating(null, { kind: 'Pod' }), 'request.kind'],
    ['an empty kind of the object', creating(null, { kind: { kind: '' } }), 'request.kind.kind'],
  ])('refuses %s with 400, and says where', (_what, body, where) => {
    const thrown = thrownBy(() => decode(body));
    expect(thrown).toMatchObject({ status: 400, code: 'MALFORMED_REVIEW' });
    expect(String(thrown)).toContain(`"${where}"`);
  });

  it('answers any JSON with a request or with its own error', () => {
    const request = fc.record({
      uid: fc.jsonValue(),
      kind: fc.jsonValue(),
      operation: fc.jsonValue(),
      object: fc.jsonValue(),
    });
    const body = fc.oneof(
      fc.jsonValue(),
      request.map((value) => ({ ...creating(null), request: value })),
      request.map((value) => creating(null, { object: value.object, name: value.uid })),
    );
    fc.assert(
      fc.property(body, (value) => {
        const thrown = thrownBy(() => decode(value));
        expect(thrown === undefined || thrown instanceof ReviewError).toBe(true);
      }),
    );
  });
});
