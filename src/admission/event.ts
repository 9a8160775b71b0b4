import type { SkipReason } from '../plan/decision.ts';
import type { IgnoreReason } from '../plan/plan-request.ts';
import type { Finding } from './finding.ts';
import type { AdmissionRequest } from './request.ts';

/** Which request it was: the keys of every line that is logged about it. */
export type About = Omit<AdmissionRequest, 'apiVersion' | 'dryRun' | 'object' | 'oldObject'>;

/** How a request ended. */
export type Result = 'allowed' | 'patched' | 'denied';

/** Normalised references. */
interface Names {
  readonly source: string;
  readonly backup: string;
}

/** Of each kind of finding what can be logged. */
type Seen<One> = One extends unknown ? Omit<One, 'ownBackup'> : never;

type RequestEvent =
  | { readonly type: 'received'; readonly dryRun: boolean }
  | { readonly type: 'ignored'; readonly reason: IgnoreReason }
  /** `source` is what the user wrote, cut to a length that can be logged. */
  | {
      readonly type: 'skipped';
      readonly container: string;
      readonly source: string;
      readonly reason: SkipReason;
      /** Name of the rule, where one says so. */
      readonly rule?: string;
    }
  /** A rule refuses the image. */
  | { readonly type: 'refused'; readonly source: string; readonly rule: string }
  /** A rule wants only a warning: the image stays, nothing is copied. */
  | ({ readonly type: 'warned'; readonly rule: string } & Names)
  /** The copy's name is written unseen: a rule says that the backup registry has the bytes. */
  | ({ readonly type: 'rewritten'; readonly rule: string } & Names)
  /** A copy is wanted, or wanted if it is there. */
  | ({ readonly type: 'planned'; readonly rule: string } & Names)
  /** What became of it, in `state`; `backup` is where it is found to be. */
  | ({ readonly type: 'found'; readonly durationMs: number } & Names & Seen<Finding>)
  /** A patch is sent that gives so many containers another image. Of a dry run nothing is stored. */
  | { readonly type: 'patched'; readonly images: number; readonly dryRun: boolean }
  /** A copy failed that the object was pointed at while it was under way: its pods cannot start. */
  | ({ readonly type: 'stranded'; readonly error: Error } & Names)
  /** A patch was built that is not safe to send; the object stays as it is. A fault of ours. */
  | { readonly type: 'unsafe-patch'; readonly error: Error }
  /** Something threw; the request was allowed as it is. A fault of ours. */
  | { readonly type: 'crashed'; readonly error: Error }
  /** The last word on a request; `message` is what a user reads who was denied. */
  | {
      readonly type: 'answered';
      readonly result: Result;
      readonly message?: string;
      readonly durationMs: number;
    };

/** What an operator may want to see of an admission; durations in milliseconds. */
export type AdmissionEvent =
  | (About & RequestEvent)
  /** A call that was no admission review. */
  | { readonly type: 'malformed'; readonly error: Error };

export type ObserveAdmission = (event: AdmissionEvent) => void;

export function aboutOf(request: AdmissionRequest): About {
  const { apiVersion: _version, dryRun: _dryRun, object: _object, oldObject: _oldObject, ...about } = request;
  return about;
}

/** The same observer, but one that cannot throw: what is seen of an answer must not change it. */
export function quietly(observe: ObserveAdmission): ObserveAdmission {
  return (event) => {
    try {
      observe(event);
    } catch {
      // To tell of it would take the observer.
    }
  };
}
