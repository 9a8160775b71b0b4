/** AdmissionReviews for tests, around any object. */
type Json = Record<string, unknown>;

/** An AdmissionReview v1 that creates the object. */
export function creating(object: unknown, more: Json = {}): Json {
  const kind = { group: '', version: 'v1', kind: 'Pod' };
  const request = {
    uid: 'uid-1',
    kind,
    namespace: 'lab',
    name: 'w',
    operation: 'CREATE',
    object,
    oldObject: null,
  };
  return { apiVersion: 'admission.k8s.io/v1', kind: 'AdmissionReview', request: { ...request, ...more } };
}

/** One that changes the object. */
export function updating(object: unknown, oldObject: unknown, more: Json = {}): Json {
  return creating(object, { operation: 'UPDATE', oldObject, ...more });
}
