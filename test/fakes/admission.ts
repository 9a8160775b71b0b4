import type { Cloning } from '../../src/admission/cloning.ts';
import type { AdmissionEvent } from '../../src/admission/event.ts';
import { review } from '../../src/admission/review.ts';
import { isRecord } from '../../src/image/descriptor.ts';
import type { Judgement } from '../../src/plan/judgement.ts';
import { JUDGEMENT } from '../judgement.ts';
import { FakeCopies, type Script } from './copies.ts';

/** The webhook's judgement with scripted copies, from bytes to bytes, as the server calls it. */
export class Webhook {
  readonly events: AdmissionEvent[] = [];
  readonly copies: FakeCopies;
  readonly cloning: Cloning;

  constructor(
    script?: Script,
    settings: Partial<Cloning['settings']> = {},
    judgement: Partial<Judgement> = {},
    tenantOf?: Cloning['tenantOf'],
  ) {
    this.copies = new FakeCopies(script);
    this.cloning = {
      copies: this.copies,
      tenantOf,
      judgement: { ...JUDGEMENT, ...judgement },
      settings: { onPending: 'allow', onFailure: 'allow', pin: false, waitSeconds: 10, ...settings },
      observe: (event) => this.events.push(event),
    };
  }

  /** Answers a body that is written as JSON. */
  async answer(body: unknown, timeout?: string): Promise<Answered> {
    return this.send(Buffer.from(JSON.stringify(body)), { timeout });
  }

  /** Answers bytes as they are. */
  async send(bytes: Uint8Array, { contentType = 'application/json', timeout }: Sent = {}): Promise<Answered> {
    const { signal } = new AbortController();
    const { status, body } = await review(bytes, { contentType, timeout, signal }, this.cloning);
    return answered(status, body);
  }

  /** The types of all events so far, in order. */
  get told(): readonly string[] {
    return this.events.map((event) => event.type);
  }
}

interface Sent {
  readonly contentType?: string;
  readonly timeout?: string | undefined;
}

export interface Answered {
  readonly status: number;
  readonly body: Record<string, unknown>;
  readonly response: Record<string, unknown>;
  /** The patch, decoded; empty where there is none. */
  readonly patch: readonly Record<string, unknown>[];
  readonly warnings: readonly string[];
}

function answered(status: number, bytes: Uint8Array): Answered {
  const body = record(JSON.parse(Buffer.from(bytes).toString()));
  const response = isRecord(body['response']) ? body['response'] : {};
  const { patch, warnings = [] } = response;
  const operations: unknown =
    typeof patch === 'string' ? JSON.parse(Buffer.from(patch, 'base64').toString()) : [];
  return {
    status,
    body,
    response,
    patch: list(operations).map(record),
    warnings: list(warnings).map(String),
  };
}

function record(value: unknown): Record<string, unknown> {
  if (!isRecord(value)) throw new Error('Wanted an object');
  return value;
}

function list(value: unknown): readonly unknown[] {
  if (!Array.isArray(value)) throw new Error('Wanted a list');
  return value;
}
