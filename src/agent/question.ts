import type { Credential } from '../copy/origin.ts';
import { isRecord } from '../image/descriptor.ts';
import { formatReference, type Reference, readReference } from '../image/reference.ts';
import { AgentError } from './agent-error.ts';

/** Does this node hold the image? */
export interface FindQuestion {
  readonly source: Reference;
}

/** Push it there, as this user. */
export interface PushQuestion extends FindQuestion {
  readonly backup: Reference;
  readonly tag: string;
  readonly credential?: Credential;
}

const TAG = /^\w[\w.-]{0,127}$/;

/** @throws AgentError `BAD_QUESTION`, which repeats nothing of what was sent: it may hold a password */
export function readFindQuestion(bytes: Uint8Array): FindQuestion {
  return { source: referenceIn(recordIn(bytes), 'source') };
}

/** @throws AgentError `BAD_QUESTION` */
export function readPushQuestion(bytes: Uint8Array): PushQuestion {
  const body = recordIn(bytes);
  const { tag, credential } = body;
  if (typeof tag !== 'string' || !TAG.test(tag)) throw bad('wanted a tag in "tag"');
  const known = credential === undefined ? undefined : readCredential(credential);
  if (credential !== undefined && known === undefined) throw bad('wanted a credential in "credential"');
  return {
    source: referenceIn(body, 'source'),
    backup: referenceIn(body, 'backup'),
    tag,
    ...(known !== undefined && { credential: known }),
  };
}

/** As it is sent. */
export function writeQuestion({ source, ...rest }: FindQuestion | PushQuestion): string {
  const pushed = 'backup' in rest ? { ...rest, backup: formatReference(rest.backup) } : rest;
  return JSON.stringify({ source: formatReference(source), ...pushed });
}

function recordIn(bytes: Uint8Array): Record<string, unknown> {
  let body: unknown;
  try {
    body = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch {
    throw bad('wanted JSON in UTF-8');
  }
  if (isRecord(body)) return body;
  throw bad('wanted a JSON object');
}

function referenceIn(body: Record<string, unknown>, key: string): Reference {
  const text = body[key];
  const reference = typeof text === 'string' ? readReference(text) : undefined;
  if (reference !== undefined) return reference;
  throw bad(`wanted an image reference in "${key}"`);
}

function readCredential(value: unknown): Credential | undefined {
  if (!isRecord(value)) return undefined;
  const { kind, username, password, token } = value;
  if (kind === 'basic' && typeof username === 'string' && typeof password === 'string')
    return { kind, username, password };
  if (typeof token !== 'string') return undefined;
  if (kind === 'registry-token') return { kind, token };
  if (kind !== 'identity-token') return undefined;
  return typeof username === 'string' ? { kind, token, username } : { kind, token };
}

function bad(why: string): AgentError {
  return new AgentError(`Cannot read the question: ${why}`, { code: 'BAD_QUESTION' });
}
