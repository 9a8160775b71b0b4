import type { Context } from 'koa';
import type { Repositories } from './repositories.ts';
import type { UploadSessions } from './upload-sessions.ts';

/** A request for one part of one repository. */
export interface Call {
  readonly ctx: Context;
  readonly name: string;
  /** Tag, digest or upload id, as it was sent. */
  readonly id: string;
  readonly repositories: Repositories;
  readonly uploads: UploadSessions;
}
