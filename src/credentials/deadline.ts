import type { FindCredentials } from './credential.ts';
import { CredentialError } from './credential-error.ts';

export interface Deadline {
  /** The file, folder or setting that is waited for, for the error. */
  readonly place: string;
  readonly milliseconds: number;
}

/**
 * The same source, but one that answers in time: what takes longer fails for this request. It goes on, and what keeps
 * its answer has it for the next one.
 * @throws CredentialError that may be retried
 */
export function withDeadline(find: FindCredentials, { place, milliseconds }: Deadline): FindCredentials {
  return async (repository) => {
    const { promise: late, reject } = Promise.withResolvers<never>();
    const timer = setTimeout(() => {
      reject(new CredentialError(place, `no answer within ${milliseconds} ms`, { retriable: true }));
    }, milliseconds);
    try {
      return await Promise.race([find(repository), late]);
    } finally {
      clearTimeout(timer);
    }
  };
}
