/** admission/v1 `Operation`. A PATCH or an apply of the user arrives as CREATE or UPDATE. */
export type Operation = 'CREATE' | 'UPDATE' | 'DELETE' | 'CONNECT';

/** The versions of AdmissionReview that we read. They do not differ in what we need; the answer has the request's. */
export type ReviewVersion = 'admission.k8s.io/v1' | 'admission.k8s.io/v1beta1';

/** The part of an AdmissionRequest (Kubernetes admission/v1) that decides anything here. */
export interface AdmissionRequest {
  readonly apiVersion: ReviewVersion;
  /** Of this call, not of the user's request: a webhook that is called twice for one request gets two. */
  readonly uid: string;
  readonly operation: Operation;
  /** What `object` is. For `pods/binding` it is a Binding, for `deployments/scale` a Scale. */
  readonly kind: string;
  readonly subResource?: string;
  readonly namespace?: string;
  /** `metadata.generateName` where the name is not made yet. */
  readonly name?: string;
  /** Nothing but the answer may come of a dry run. */
  readonly dryRun: boolean;
  /** Parsed JSON; null on DELETE. */
  readonly object: unknown;
  /** Parsed JSON; null on CREATE. */
  readonly oldObject: unknown;
}
