import { isRecord } from '../image/descriptor.ts';
import { DockerError } from './docker-error.ts';

/** Oldest and newest version of the Docker Engine API that somebody speaks. */
export interface VersionRange {
  readonly oldest: string;
  readonly newest: string;
}

/** What we speak: dockerd 20.10 (1.41) is the oldest and 28.5 (1.51) the newest that this was tried on. */
export const SPOKEN: VersionRange = { oldest: '1.41', newest: '1.51' };

/** Inspecting an image says since then which of its platforms are there. */
export const TELLS_PLATFORMS = '1.48';
/** The list of images does since then. */
export const LISTS_PLATFORMS = '1.47';

const VERSION = /^(\d{1,4})\.(\d{1,4})$/;

/**
 * The newest version that both sides speak, out of the answer to `GET /version`.
 * @throws DockerError `UNSUPPORTED_VERSION`
 */
export function negotiate(answer: unknown, spoken: VersionRange, operation: string): string {
  const offered = readRange(answer);
  if (offered === undefined)
    throw new DockerError('wanted "ApiVersion" of the daemon', { code: 'PROTOCOL', operation });
  const common = isAtLeast(offered.newest, spoken.newest) ? spoken.newest : offered.newest;
  if (isAtLeast(common, spoken.oldest) && isAtLeast(common, offered.oldest)) return common;
  throw new DockerError(
    `the daemon speaks API versions ${offered.oldest} to ${offered.newest}, image-cloner ${spoken.oldest} to ${spoken.newest}`,
    { code: 'UNSUPPORTED_VERSION', operation },
  );
}

export function isAtLeast(version: string, wanted: string): boolean {
  const [major, minor] = numbersOf(version);
  const [wantedMajor, wantedMinor] = numbersOf(wanted);
  return major === wantedMajor ? minor >= wantedMinor : major > wantedMajor;
}

function readRange(answer: unknown): VersionRange | undefined {
  if (!isRecord(answer)) return undefined;
  // Without a minimum there is none.
  const { ApiVersion: newest, MinAPIVersion: oldest = '0.0' } = answer;
  if (typeof newest !== 'string' || typeof oldest !== 'string') return undefined;
  return VERSION.test(newest) && VERSION.test(oldest) ? { oldest, newest } : undefined;
}

function numbersOf(version: string): readonly [number, number] {
  const [, major, minor] = VERSION.exec(version) ?? [];
  return [Number(major), Number(minor)];
}
