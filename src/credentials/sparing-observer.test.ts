import { describe, expect, test } from 'vitest';
import { CredentialError } from './credential-error.ts';
import type { CredentialEvent } from './event.ts';
import { sparingly } from './sparing-observer.ts';

function observed(): {
  events: CredentialEvent[];
  tell: (event: CredentialEvent) => void;
  pass: (ms: number) => void;
} {
  const events: CredentialEvent[] = [];
  let time = 0;
  const tell = sparingly(
    (event) => events.push(event),
    () => time,
  );
  return { events, tell, pass: (ms) => (time += ms) };
}

function fault(place: string): CredentialEvent {
  return { type: 'kept', error: new CredentialError(place, 'broken') };
}

describe('sparingly()', () => {
  test('tells of the same fault once in five minutes', () => {
    const { events, tell, pass } = observed();
    tell(fault('a'));
    tell(fault('a'));
    pass(299_999);
    tell(fault('a'));
    expect(events).toHaveLength(1);
    pass(1);
    tell(fault('a'));
    expect(events).toHaveLength(2);
  });

  test('tells of each fault, and of each way it shows', () => {
    const { events, tell } = observed();
    const error = new CredentialError('a', 'broken');
    tell({ type: 'kept', error });
    tell({ type: 'passed-over', error });
    tell(fault('b'));
    expect(events).toHaveLength(3);
  });

  test('remembers a bounded number of faults', () => {
    const { events, tell } = observed();
    for (let place = 0; place < 300; place += 1) tell(fault(String(place)));
    expect(events).toHaveLength(300);
    tell(fault('299'));
    expect(events).toHaveLength(300);
    // The first ones were forgotten and so are told again.
    tell(fault('0'));
    expect(events).toHaveLength(301);
  });

  test('does without anybody to tell', () => {
    expect(() => sparingly(undefined)(fault('a'))).not.toThrow();
  });
});
