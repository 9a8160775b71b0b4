import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { references } from '../../test/arbitraries/reference.ts';
import type { Credential } from '../copy/origin.ts';
import { parseReference } from '../image/reference.ts';
import { type PushQuestion, readFindQuestion, readPushQuestion, writeQuestion } from './question.ts';

const QUESTION: PushQuestion = {
  source: parseReference('alpine:3.12'),
  backup: parseReference('r.example.com/backup/docker.io/library/alpine:3.12'),
  tag: '3.12',
};

function sent(question: object): Buffer {
  return Buffer.from(JSON.stringify(question));
}

describe('a question', () => {
  test('arrives as it was sent, whatever image it is about', () => {
    fc.assert(
      fc.property(references, (source) => {
        expect(readFindQuestion(Buffer.from(writeQuestion({ source })))).toEqual({ source });
      }),
    );
  });

  test.each<[string, Credential | undefined]>([
    ['nobody', undefined],
    ['a user', { kind: 'basic', username: 'ada', password: 'pässword "quoted"' }],
    ['a refresh token', { kind: 'identity-token', token: 't' }],
    ['a refresh token of somebody', { kind: 'identity-token', token: 't', username: 'ada' }],
    ['a bearer token', { kind: 'registry-token', token: 't' }],
  ])('to push as %s arrives as it was sent', (_who, credential) => {
    const question = { ...QUESTION, ...(credential !== undefined && { credential }) };
    expect(readPushQuestion(Buffer.from(writeQuestion(question)))).toEqual(question);
  });

  test('may have more in it than is known here', () => {
    expect(readFindQuestion(sent({ source: 'alpine', later: { version: 2 } }))).toEqual({
      source: parseReference('alpine'),
    });
  });
});

describe('a credential that is none is refused', () => {
  test.each<[string, unknown]>([
    ['null', null],
    ['a text', 'secret'],
    ['a list', ['basic', 'a', 'b']],
    ['nothing', {}],
    ['a user without a password', { kind: 'basic', username: 'a' }],
    ['a password without a user', { kind: 'basic', password: 'a' }],
    ['a password that is a number', { kind: 'basic', username: 'a', password: 1 }],
    ['a token that is none', { kind: 'registry-token', token: null }],
    ['a kind that is none', { kind: 'identity', token: 'a' }],
    ['the kind of every object', { kind: 'constructor', token: 'a' }],
  ])('%s', (_what, credential) => {
    const { source: _source, ...rest } = QUESTION;
    const question = { ...rest, source: 'alpine', backup: 'r.example.com/a:1', credential };
    expect(() => readPushQuestion(sent(question))).toThrow(
      expect.objectContaining({ code: 'BAD_QUESTION', message: expect.not.stringContaining('secret') }),
    );
  });
});

test('no bytes do more than to be refused', () => {
  fc.assert(
    fc.property(
      fc.oneof(
        fc.uint8Array(),
        fc.json().map((text) => Buffer.from(text)),
      ),
      (bytes) => {
        for (const read of [readFindQuestion, readPushQuestion])
          expect(() => read(bytes)).toThrow(expect.objectContaining({ code: 'BAD_QUESTION' }));
      },
    ),
  );
});
