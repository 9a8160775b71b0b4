import { readdirSync, readFileSync } from 'node:fs';
import { isRecord } from '../src/image/descriptor.ts';

const FOLDER = new URL('fixtures/admission/', import.meta.url);

/** Names of the recorded admission requests, without ending. */
export const RECORDED: readonly string[] = readdirSync(FOLDER)
  .filter((file) => file.endsWith('.json'))
  .map((file) => file.slice(0, -'.json'.length))
  .toSorted();

/** The body of a recorded request as it was sent. */
export function recordedBytes(name: string): Buffer {
  return readFileSync(new URL(`${name}.json`, FOLDER));
}

/** A recorded AdmissionReview and its request, parsed anew for whoever asks. */
export function recorded(name: string): {
  review: Record<string, unknown>;
  request: Record<string, unknown>;
} {
  const review: unknown = JSON.parse(recordedBytes(name).toString());
  if (!isRecord(review) || !isRecord(review['request'])) throw new Error(`No AdmissionReview in "${name}"`);
  return { review, request: review['request'] };
}
