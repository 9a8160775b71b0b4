import { describe, expect, it } from 'vitest';
import { planRequest } from '../src/plan/plan-request.ts';
import { harms } from './admission-contract.ts';
import { creating } from './admission-review.ts';
import { DECISIONS } from './decisions/decisions.ts';
import { expectedOf, judgementOf } from './decisions/expectation.ts';
import type { Row } from './decisions/row.ts';
import { Webhook } from './fakes/admission.ts';

/** What the planner says of a row, in the words of the table. */
function planned(row: Row): string | readonly string[] {
  const { operation = 'CREATE', subResource, namespace = 'lab', object, oldObject = null } = row;
  const plan = planRequest({ operation, subResource, namespace, object, oldObject }, judgementOf(row));
  if (plan.ignored !== undefined) return plan.ignored;
  return plan.decisions.map((decision) => {
    const word = decision.action === 'skip' ? decision.reason : decision.action;
    return `${decision.use.image} ${word}`;
  });
}

function reviewOf({ operation = 'CREATE', subResource, namespace = 'lab', object, oldObject = null }: Row) {
  return creating(object, { operation, subResource, namespace, oldObject });
}

describe('the planner decides', () => {
  it.each(DECISIONS)('$trap: $expected', (row) => {
    expect(planned(row)).toEqual(row.expected);
  });

  it('the same again when it is asked again', () => {
    for (const row of DECISIONS) expect(planned(row)).toEqual(planned(row));
  });
});

describe('the webhook, with every copy there, does so', () => {
  it.each(DECISIONS)('$trap: $expected', async (row) => {
    const webhook = new Webhook(undefined, {}, judgementOf(row));
    const review = reviewOf(row);
    const answer = await webhook.answer(review);
    const denied = expectedOf(row, 'deny');
    expect(harms(review, answer)).toEqual([]);
    expect(answer.response['allowed']).toBe(denied.length === 0);
    expect(webhook.copies.ensured).toEqual(expectedOf(row, 'copy'));
    const written = answer.patch.filter(({ op }) => op === 'replace').map(({ value }) => value);
    const rewritten = denied.length > 0 ? [] : expectedOf(row, 'copy', 'rewrite');
    expect(written.map((image) => String(image).split('/').at(-1))).toEqual(
      rewritten.map((image) => image.split('/').at(-1)),
    );
    const told = expectedOf(row, 'copy', 'rewrite', 'warn', 'unparsable');
    expect(answer.warnings).toHaveLength(denied.length > 0 ? 0 : new Set(told).size);
  });
});

describe('the webhook, with no copy to be had, harms nobody', () => {
  it.each(DECISIONS)('$trap', async (row) => {
    const failed = { state: 'failed', error: new Error('down') } as const;
    const webhook = new Webhook(() => failed, {}, judgementOf(row));
    const review = reviewOf(row);
    const answer = await webhook.answer(review);
    expect(harms(review, answer)).toEqual([]);
    expect(answer.response['allowed']).toBe(expectedOf(row, 'deny').length === 0);
  });
});
