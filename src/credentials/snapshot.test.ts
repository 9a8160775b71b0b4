import { describe, expect, test } from 'vitest';
import { CredentialError } from './credential-error.ts';
import type { CredentialEvent } from './event.ts';
import { REREAD_MS, Snapshot } from './snapshot.ts';

/** A place that can be written, broken and watched, with a clock. */
class Place {
  content = 'first';
  fault: Error | undefined;
  reads = 0;
  time = 1000;
  readonly events: CredentialEvent[] = [];
  readonly now = (): number => this.time;
  readonly observe = (event: CredentialEvent): void => {
    this.events.push(event);
  };
  readonly read = (): Promise<string> => {
    this.reads += 1;
    return this.fault === undefined ? Promise.resolve(this.content) : Promise.reject(this.fault);
  };
}

const BROKEN = new CredentialError('place', 'half written');

describe('Snapshot', () => {
  test('is read when it is first used, not before', async () => {
    const place = new Place();
    const snapshot = new Snapshot(place);
    expect(place.reads).toBe(0);
    expect(await snapshot.get()).toBe('first');
    expect(place.reads).toBe(1);
  });

  test('is not read again within the time, and is read again after it', async () => {
    const place = new Place();
    const snapshot = new Snapshot(place);
    await snapshot.get();
    place.content = 'second';
    place.time += REREAD_MS - 1;
    expect(await snapshot.get()).toBe('first');
    place.time += 1;
    expect(await snapshot.get()).toBe('second');
    expect(place.reads).toBe(2);
  });

  test('is used as long as what was read allows', async () => {
    const place = new Place();
    const snapshot = new Snapshot({
      read: place.read,
      now: place.now,
      holdMs: (value) => value.length * 10_000,
    });
    await snapshot.get();
    place.time += 49_999;
    await snapshot.get();
    expect(place.reads).toBe(1);
    place.time += 1;
    await snapshot.get();
    expect(place.reads).toBe(2);
  });

  test('is read once for all who ask at the same time', async () => {
    const place = new Place();
    const snapshot = new Snapshot(place);
    expect(await Promise.all([snapshot.get(), snapshot.get(), snapshot.get()])).toEqual([
      'first',
      'first',
      'first',
    ]);
    expect(place.reads).toBe(1);
  });

  test('keeps the last good state while the place is broken, tells of it, and heals', async () => {
    const place = new Place();
    const snapshot = new Snapshot(place);
    await snapshot.get();
    place.fault = BROKEN;
    place.time += REREAD_MS;
    expect(await snapshot.get()).toBe('first');
    expect(place.events).toEqual([{ type: 'kept', error: BROKEN }]);
    expect(await snapshot.get()).toBe('first');
    expect(place.reads).toBe(2);
    place.fault = undefined;
    place.content = 'second';
    place.time += REREAD_MS;
    expect(await snapshot.get()).toBe('second');
  });

  test('rejects while it has never been readable, and tries each time', async () => {
    const place = new Place();
    place.fault = BROKEN;
    const snapshot = new Snapshot(place);
    await expect(snapshot.get()).rejects.toBe(BROKEN);
    place.fault = undefined;
    expect(await snapshot.get()).toBe('first');
    expect(place.events).toEqual([]);
  });

  test('does not hide a defect behind the last good state', async () => {
    const place = new Place();
    const snapshot = new Snapshot(place);
    await snapshot.get();
    const defect = new TypeError('not a function');
    place.fault = defect;
    place.time += REREAD_MS;
    await expect(snapshot.get()).rejects.toBe(defect);
  });
});
