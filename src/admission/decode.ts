import { isRecord } from '../image/descriptor.ts';
import { bareMediaType } from '../image/media-type.ts';
import type { AdmissionRequest, Operation, ReviewVersion } from './request.ts';
import { ReviewError } from './review-error.ts';

type Json = Record<string, unknown>;

const VERSIONS: readonly ReviewVersion[] = ['admission.k8s.io/v1', 'admission.k8s.io/v1beta1'];
const OPERATIONS: readonly Operation[] = ['CREATE', 'UPDATE', 'DELETE', 'CONNECT'];

/**
 * Reads an AdmissionReview. Strict about what decides something, blind to the rest: later versions of Kubernetes
 * add members.
 * @throws ReviewError
 */
export function decodeReview(bytes: Uint8Array, contentType: string | undefined): AdmissionRequest {
  if (bareMediaType(contentType ?? '') !== 'application/json') throw ReviewError.mediaType(contentType);
  const review = parseJson(bytes);
  const apiVersion = oneOf(VERSIONS, review['apiVersion'], 'apiVersion');
  if (review['kind'] !== 'AdmissionReview') throw ReviewError.malformed('wanted kind "AdmissionReview"');
  return readRequest(record(review['request'], 'request'), apiVersion);
}

function parseJson(bytes: Uint8Array): Json {
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch {
    // No cause: the parser's message quotes the body, which may hold a tenant's secrets.
    throw ReviewError.malformed(`wanted JSON in UTF-8, got ${bytes.byteLength} bytes of something else`);
  }
  return record(value, 'body');
}

function readRequest(request: Json, apiVersion: ReviewVersion): AdmissionRequest {
  const { object = null, oldObject = null, subResource, namespace, name = generateName(object) } = request;
  return {
    apiVersion,
    uid: text(request['uid'], 'request.uid'),
    operation: oneOf(OPERATIONS, request['operation'], 'request.operation'),
    kind: text(record(request['kind'], 'request.kind')['kind'], 'request.kind.kind'),
    dryRun: request['dryRun'] === true,
    object,
    oldObject,
    ...(isText(subResource) && { subResource }),
    ...(isText(namespace) && { namespace }),
    ...(isText(name) && { name }),
  };
}

function generateName(object: unknown): unknown {
  const metadata = isRecord(object) ? object['metadata'] : undefined;
  return isRecord(metadata) ? metadata['generateName'] : undefined;
}

function record(value: unknown, where: string): Json {
  if (!isRecord(value)) throw ReviewError.malformed(`wanted an object in "${where}"`);
  return value;
}

function text(value: unknown, where: string): string {
  if (!isText(value)) throw ReviewError.malformed(`wanted a text in "${where}"`);
  return value;
}

/** `""` is what Go writes for nothing. */
function isText(value: unknown): value is string {
  return typeof value === 'string' && value !== '';
}

function oneOf<T extends string>(allowed: readonly T[], value: unknown, where: string): T {
  const found = allowed.find((one) => one === value);
  if (found === undefined) throw ReviewError.malformed(`wanted one of ${allowed.join(', ')} in "${where}"`);
  return found;
}
