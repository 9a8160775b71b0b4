import jsonPatch, { type Operation } from 'fast-json-patch';
import { isRecord } from '../src/image/descriptor.ts';
import { findImages } from '../src/workload/images.ts';
import type { Answered } from './fakes/admission.ts';

/**
 * What is wrong with an answer to an AdmissionReview: every rule here is a row of what an API server was seen to do, and
 * breaking it costs the user's request, or the patch. Empty when the answer harms nobody.
 */
export function harms(review: unknown, answer: Answered): readonly string[] {
  const { request = {}, apiVersion } = isRecord(review) ? review : {};
  if (!isRecord(request)) return ['no request'];
  return [
    ...envelopeFaults(apiVersion, request, answer),
    ...patchFaults(request, answer),
    ...textFaults(answer),
  ];
}

function envelopeFaults(
  apiVersion: unknown,
  request: Json,
  { status, body, response }: Answered,
): readonly string[] {
  return [
    ...when(status !== 200, 'status is not 200'),
    ...when(body['kind'] !== 'AdmissionReview', 'kind is not AdmissionReview'),
    ...when(body['apiVersion'] !== apiVersion, 'version is not that of the request'),
    ...when(response['uid'] !== request['uid'], 'uid is not that of the request'),
    ...when(typeof response['allowed'] !== 'boolean', 'allowed is not said'),
    ...when(response['allowed'] === false && !isRecord(response['status']), 'denied without a reason'),
  ];
}

function patchFaults({ object, operation }: Json, { response, patch }: Answered): readonly string[] {
  const text = response['patch'];
  if (text === undefined) return when(response['patchType'] !== undefined, 'patch type without a patch');
  return [
    ...when(response['patchType'] !== 'JSONPatch', 'patch without its type'),
    ...when(response['allowed'] !== true, 'patch on a denial'),
    ...when(operation !== 'CREATE' && operation !== 'UPDATE', 'patch on an object that is not stored'),
    ...when(!isBase64(text), 'patch is not base64'),
    ...when(patch.length === 0, 'patch is empty'),
    ...when(!patch.every(({ op }) => op === 'replace' || op === 'add'), 'patch can fail'),
    ...resultFaults(object, patch),
  ];
}

function resultFaults(object: unknown, patch: readonly Json[]): readonly string[] {
  try {
    const operations: Operation[] = JSON.parse(JSON.stringify(patch));
    const result = jsonPatch.applyPatch(Object(structuredClone(object)), operations, true).newDocument;
    const [before, after] = [findImages(object), findImages(result)];
    const written = after.filter(({ image }, index) => image !== before[index]?.image);
    return [
      ...when(before.length !== after.length, 'patch changes the containers'),
      ...when(
        written.some(({ image }) => image === '' || image !== image.trim()),
        'patch writes an image that is not valid',
      ),
    ];
  } catch (error) {
    return [`patch does not apply: ${String(error)}`];
  }
}

function textFaults({ warnings }: Answered): readonly string[] {
  return [
    ...when(
      warnings.some((warning) => warning.length > 120),
      'warning is too long',
    ),
    ...when(warnings.length > 10, 'too many warnings'),
    ...when(/\p{Cc}/u.test(warnings.join('')), 'warning has a control character'),
  ];
}

type Json = Record<string, unknown>;

function when(isWrong: boolean, fault: string): readonly string[] {
  return isWrong ? [fault] : [];
}

function isBase64(text: unknown): boolean {
  return typeof text === 'string' && Buffer.from(text, 'base64').toString('base64') === text;
}
