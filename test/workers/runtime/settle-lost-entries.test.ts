/** What a job does over which workers have died: it saves what it knows, waits, and can be cancelled. */
import { expect, it } from 'vitest';
import type { LostEntries } from '../../../src/jobs/state/lost-entries.js';
import type { StepEntry } from '../../../src/workers/runtime/run-step.js';
import { settleLostEntries } from '../../../src/workers/runtime/settle-lost-entries.js';

interface State {
  stallsBefore: number;
  lost?: LostEntries;
}

const NOW = 1_000_000;
const SUSPECT = { holder: 'other', at: NOW };

/** A job that has lost `stalls` entries, of which some are known to be deaths. */
async function settle(
  stalls: number,
  lost: Partial<LostEntries> | undefined,
  { cancelled = false } = {},
) {
  const known = { stalls, holder: 'me', suspects: [], deaths: 0, waitedFor: 0 };
  const saved: (State & { line: string | undefined })[] = [];
  const told: string[] = [];
  const entry = {
    job: { stalledCounter: stalls },
    lease: { save: async (state: State, line?: string) => void saved.push({ ...state, line }) },
    state: { stallsBefore: 0, ...(lost && { lost: { ...known, ...lost } }) },
  } as unknown as StepEntry<unknown, State>;
  const settled = await settleLostEntries(entry, {
    what: 'it',
    heartbeat: { id: 'me', isSilent: () => false, lastBeatOf: () => null, silentCount: 0 },
    now: NOW,
    beginWait() {
      entry.state = { ...entry.state, stallsBefore: 7 };
    },
    tell: (message) => void told.push(message),
    isCancelled: async () => cancelled,
  });
  const afterwards = settled?.kind === 'sleep' ? await settled.afterwards?.() : undefined;
  return { settled, saved, told, wokenAtOnce: afterwards === true };
}

it('a job that never lost an entry saves nothing and goes on', async () => {
  expect(await settle(0, undefined)).toMatchObject({ settled: null, saved: [], told: [] });
});

it('a job goes on over its first lost entry once it has saved who has it now', async () => {
  const { settled, saved } = await settle(1, undefined);
  expect(settled).toBeNull();
  expect(saved).toMatchObject([{ lost: { holder: 'me', stalls: 1 } }]);
});

it('a job that waits over deaths is saved as it waits, told of once, and woken by a request to cancel', async () => {
  const { settled, saved, told, wokenAtOnce } = await settle(3, { deaths: 3 }, { cancelled: true });
  expect(settled).toMatchObject({ kind: 'sleep', delayMs: 60_000 });
  expect(saved).toMatchObject([
    { stallsBefore: 7, lost: { waitedFor: 3, until: NOW + 60_000 }, line: expect.any(String) },
  ]);
  expect([told.length, wokenAtOnce]).toEqual([1, true]);
});

it('a job that waits still does not wait for who wants it cancelled', async () => {
  const waits = { deaths: 3, waitedFor: 3, until: NOW + 5000 };
  expect((await settle(3, waits)).settled).toMatchObject({ kind: 'sleep', delayMs: 5000 });
  expect((await settle(3, waits, { cancelled: true })).settled).toBeNull();
});

it('a job that waits for the verdict on a worker is not woken by a request to cancel', async () => {
  const unknown = { deaths: 2, suspects: [SUSPECT] };
  const { settled, wokenAtOnce } = await settle(3, unknown, { cancelled: true });
  expect([settled?.kind, wokenAtOnce]).toEqual(['sleep', false]);
});

it('a job that kills ends, and is told of the first time only', async () => {
  const first = await settle(6, { deaths: 6, waitedFor: 5 });
  const deadly = { kind: 'deadly', deaths: 6, reason: { code: 'INTERNAL' } };
  expect([first.settled, first.told.length]).toMatchObject([deadly, 1]);
  const again = await settle(6, { deaths: 6, waitedFor: 6 });
  expect([again.settled, again.told.length]).toMatchObject([deadly, 0]);
});
