import { InvalidManifestError } from '../image/manifest.ts';
import { LayoutError } from '../layout/layout-error.ts';
import { Refusal } from './refusal.ts';

/** Makes the answer for anything that was thrown. */
export function refusalFor(error: unknown): Refusal {
  if (error instanceof Refusal) return error;
  if (error instanceof InvalidManifestError)
    return new Refusal({ status: 400, code: 'MANIFEST_INVALID', message: error.message, cause: error });
  if (error instanceof LayoutError) return refusalForLayout(error);
  return refusalForServer(error);
}

function refusalForLayout(error: LayoutError): Refusal {
  const { message, missing } = error;
  if (error.code === 'MISSING_CONTENT') {
    const details = missing.map((digest) => ({ digest }));
    return new Refusal({ status: 400, code: 'MANIFEST_BLOB_UNKNOWN', message, details, cause: error });
  }
  if (error.code === 'NOT_FOUND')
    return new Refusal({ status: 404, code: 'MANIFEST_UNKNOWN', message, cause: error });
  return refusalForServer(error);
}

/** What went wrong in the server is for its operator to read, not for whoever asked: it may name paths. */
function refusalForServer(cause: unknown): Refusal {
  const isFull = cause instanceof Error && 'code' in cause && cause.code === 'ENOSPC';
  return isFull
    ? new Refusal({ status: 507, code: 'UNKNOWN', message: 'no space left for content', cause })
    : new Refusal({ status: 500, code: 'UNKNOWN', message: 'internal error', cause });
}
