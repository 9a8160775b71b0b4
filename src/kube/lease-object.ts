import { createHash } from 'node:crypto';

/** What we use of a Lease (coordination.k8s.io/v1). */
export interface LeaseObject {
  readonly apiVersion: 'coordination.k8s.io/v1';
  readonly kind: 'Lease';
  readonly metadata: {
    readonly name: string;
    readonly resourceVersion?: string;
    readonly labels?: Readonly<Record<string, string>>;
    readonly annotations?: Readonly<Record<string, string>>;
  };
  readonly spec: {
    readonly holderIdentity: string;
    readonly leaseDurationSeconds: number;
    /** RFC 3339 with microseconds (`MicroTime`). */
    readonly renewTime: string;
  };
}

/** Enough hex that two images never meet, in a name of at most 63 characters. */
const HEX = 40;
/** A holder that has not renewed it for so long is gone. */
export const LEASE_SECONDS = 15;

/** Names of images have characters and lengths that no object's name has. */
export function leaseNameOf(name: string): string {
  return `copy-${createHash('sha256').update(name).digest('hex').slice(0, HEX)}`;
}

export interface LeaseClaim {
  /** What it is about, for people who look at it. */
  readonly about: string;
  readonly holder: string;
  readonly now: Date;
  /** Of the object that is replaced: the API server refuses when that has changed meanwhile. */
  readonly resourceVersion?: string | undefined;
}

export function leaseObject({ about, holder, now, resourceVersion }: LeaseClaim): LeaseObject {
  return {
    apiVersion: 'coordination.k8s.io/v1',
    kind: 'Lease',
    metadata: {
      name: leaseNameOf(about),
      ...(resourceVersion !== undefined && { resourceVersion }),
      labels: { 'app.kubernetes.io/managed-by': 'image-cloner' },
      annotations: { 'image-cloner.dev/copy': about },
    },
    spec: {
      holderIdentity: holder,
      leaseDurationSeconds: LEASE_SECONDS,
      renewTime: now.toISOString().replace('Z', '000Z'),
    },
  };
}

/** The version of a stored object. @returns undefined when it is none */
export function versionOf(object: unknown): string | undefined {
  if (typeof object !== 'object' || object === null) return undefined;
  const metadata: unknown = Reflect.get(object, 'metadata');
  if (typeof metadata !== 'object' || metadata === null) return undefined;
  const version: unknown = Reflect.get(metadata, 'resourceVersion');
  return typeof version === 'string' ? version : undefined;
}
