import type { Place } from '../../src/workload/kinds.ts';
import { containers, pod, templated } from '../workloads.ts';

type Json = Record<string, unknown>;

export const BACKUP = 'registry.example.com/backup/docker.io/library';

export function owned(apiVersion: string, kind: string): Json {
  return { ownerReferences: [{ apiVersion, kind, name: 'o', uid: 'u', controller: true }] };
}

export function labelled(object: Json): Json {
  return { ...object, metadata: { name: 'w', namespace: 'lab', labels: { new: 'label' } } };
}

export function debugged(images: readonly string[], metadata: Json = {}): Json {
  const ephemeralContainers = images.map((image, index) => ({ name: `d${index}`, image }));
  return pod({ ...containers('a:1'), ephemeralContainers }, metadata);
}

export function custom(kind: string, spec: unknown): Json {
  return { apiVersion: 'example.com/v1', kind, metadata: { name: 'w', namespace: 'lab' }, spec };
}

export const JOB = templated('batch/v1', 'Job', containers('a:1'));
export const ROLLOUT: Readonly<Record<string, Place>> = {
  'Rollout.example.com': { podSpec: ['spec', 'template', 'spec'] },
};
