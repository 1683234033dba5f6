import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { Reconciliation } from '../../../../src/extracts/reconcile.js';
import type { PollData } from '../../../../src/jobs/state/poll-state.js';
import {
  LAST_POLL_MS,
  LastReadings,
  richerOf,
} from '../../../../src/workers/poll/reading/last-readings.js';
import { MEMORY_LIMITS, PollMemory } from '../../../../src/workers/poll/reading/poll-memory.js';

const DEADLINE_MS = 60_000;
const data = { reference: 'loan', batchTimestamp: 1, atlasBatchId: 'B-1' } as PollData;

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

function reading(...ids: string[]): Reconciliation {
  const found = new Reconciliation(['a', 'b', 'c'], null);
  found.addPage(
    1,
    ids.map((id) => ({ atlasDocumentId: id, fileData: '1' })),
  );
  return found;
}

function startReadings() {
  const memory = new PollMemory({ ...MEMORY_LIMITS, smallBytes: 2500, sharedBytes: 0 });
  const readings = new LastReadings();
  const remember = (found: Reconciliation, of = data) => {
    const account = memory.open(of.atlasBatchId, 3);
    readings.remember(of, found, { memory: account, deadlineMs: DEADLINE_MS });
    account.close();
  };
  return { memory, readings, remember };
}

it('the reading with the most documents is remembered, of several the newest', () => {
  const { readings, remember } = startReadings();
  const [one, two, other] = [reading('a'), reading('a', 'b'), reading('b', 'c')];
  remember(two);
  remember(one);
  expect(readings.of(data)).toBe(two);
  remember(other);
  expect(readings.of(data)).toBe(other);
  expect(readings.of({ ...data, batchTimestamp: 2 })).toBeNull();
});

it('of readings with as many documents the one with more extracts is the richer one, or else the newer', () => {
  const more = reading('a', 'b');
  more.addPage(2, [{ atlasDocumentId: 'a', fileData: '2' }]);
  const [less, other] = [reading('a', 'b'), reading('b', 'c')];
  expect(richerOf(less, more)).toBe(more);
  expect(richerOf(more, less)).toBe(more);
  expect(richerOf(other, less)).toBe(other);
});

it('the memory of a reading that is being stored is given to nobody else', async () => {
  const { memory, readings, remember } = startReadings();
  remember(reading('a'));
  // Has the reserve.
  memory.open('B-9', 3).expect(5000);
  const wants = () => memory.open('B-2', 3).expect(2000);
  await readings.using(data, async (found) => {
    expect(found).toBe(readings.of(data));
    expect(wants).toThrow('no room');
    expect(readings.of(data)).toBe(found);
  });
  expect(wants).not.toThrow();
  expect(readings.of(data)).toBeNull();
});

it('a reading that is forgotten while it is stored gives its memory back', async () => {
  const { memory, readings, remember } = startReadings();
  remember(reading('a'));
  await readings.using(data, async () => readings.forget(data));
  expect(memory.heldBytes).toBe(0);
  expect(() => memory.open('B-2', 3).expect(2000)).not.toThrow();
});

it('a reading is gone when it is forgotten, its time is over, or its room is needed', () => {
  const { memory, readings, remember } = startReadings();
  remember(reading('a'));
  readings.forget(data);
  expect(readings.of(data)).toBeNull();
  remember(reading('a'));
  vi.advanceTimersByTime(DEADLINE_MS + LAST_POLL_MS - 1);
  expect(readings.of(data)).not.toBeNull();
  vi.advanceTimersByTime(1);
  expect(readings.of(data)).toBeNull();
  remember(reading('a'));
  const second = { ...data, atlasBatchId: 'B-2' };
  remember(reading('a', 'b'), second);
  memory.open('B-3', 1).page().hold(1500);
  expect([readings.of(data), readings.of(second)?.present]).toEqual([null, 2]);
  expect(vi.getTimerCount()).toBe(1);
});
