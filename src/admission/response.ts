import type { PatchOperation } from '../workload/patch-operation.ts';
import { boundedDenial, boundedWarnings } from './message.ts';
import type { AdmissionRequest, ReviewVersion } from './request.ts';
import type { ReviewError } from './review-error.ts';

/** AdmissionResponse of Kubernetes admission/v1. */
export interface AdmissionResponse {
  readonly uid: string;
  readonly allowed: boolean;
  /** Base64 of a JSON array; always together with its type. */
  readonly patch?: string;
  readonly patchType?: 'JSONPatch';
  readonly status?: { readonly code: number; readonly reason: string; readonly message: string };
  readonly warnings?: readonly string[];
}

/** An HTTP answer with a JSON body. */
export interface Answer {
  readonly status: number;
  readonly body: Uint8Array;
}

type Asked = Pick<AdmissionRequest, 'uid'>;

/** The object is stored as it is. */
export function allowed({ uid }: Asked, warnings: readonly string[] = []): AdmissionResponse {
  return warnings.length === 0
    ? { uid, allowed: true }
    : { uid, allowed: true, warnings: boundedWarnings(warnings) };
}

/** The object is stored with these changes. */
export function patched(
  asked: Asked,
  operations: readonly PatchOperation[],
  warnings: readonly string[],
): AdmissionResponse {
  if (operations.length === 0) return allowed(asked, warnings);
  const patch = Buffer.from(JSON.stringify(operations)).toString('base64');
  return { ...allowed(asked, warnings), patchType: 'JSONPatch', patch };
}

/** The user's request is refused. Only settings that ask for it lead here: `failurePolicy` does not soften it. */
export function denied({ uid }: Asked, reasons: readonly string[]): AdmissionResponse {
  return {
    uid,
    allowed: false,
    status: { code: 403, reason: 'Forbidden', message: boundedDenial(reasons) },
  };
}

/** The answer to something that is no review, so that `failurePolicy` decides. */
export function errored({ status, code, message }: ReviewError): Answer {
  return { status, body: encode({ code, error: message }) };
}

/** The response as the AdmissionReview that the API server expects: of the version it sent. */
export function answer(apiVersion: ReviewVersion, response: AdmissionResponse): Answer {
  return { status: 200, body: encode({ apiVersion, kind: 'AdmissionReview', response }) };
}

function encode(value: unknown): Uint8Array {
  return Buffer.from(JSON.stringify(value));
}
