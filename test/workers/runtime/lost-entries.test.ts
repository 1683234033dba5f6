import { expect, it } from 'vitest';
import type { LostEntries } from '../../../src/jobs/state/lost-entries.js';
import {
  decideOnLost,
  judgeLostEntries,
  noteLostEntries,
  type OtherWorkers,
} from '../../../src/workers/runtime/lost-entries.js';

const NOW = 1_000_000;
const RUN = { stallsBefore: 0, worker: 'me', now: NOW };

function others(silent: readonly string[], beats: Record<string, number> = {}): OtherWorkers {
  return {
    isSilent: (id) => silent.includes(id),
    lastBeatOf: (id) => beats[id] ?? null,
    silentCount: silent.length,
  };
}

function lostOnce(more: Partial<LostEntries> = {}): LostEntries {
  return {
    stalls: 1,
    holder: 'other',
    suspects: [],
    deaths: 0,
    waitedFor: 0,
    ...more,
  };
}

it('a job that never lost an entry is told nothing of', () => {
  expect(noteLostEntries(undefined, { ...RUN, stalledCounter: 0 })).toBeUndefined();
  expect(
    noteLostEntries(undefined, { ...RUN, stallsBefore: 4, stalledCounter: 4 }),
  ).toBeUndefined();
});

it('who has the job is noted from the first lost entry on', () => {
  const first = noteLostEntries(undefined, { ...RUN, stalledCounter: 1 });
  expect(first).toMatchObject({ holder: 'me', suspects: [{ holder: null, at: NOW }] });
  const second = noteLostEntries(first, { ...RUN, worker: 'next', stalledCounter: 2 });
  expect(second).toMatchObject({
    holder: 'next',
    suspects: [{ holder: null }, { holder: 'me' }],
  });
  expect(noteLostEntries(second, { ...RUN, worker: 'last', stalledCounter: 2 })).toMatchObject({
    holder: 'last',
    suspects: [{ holder: null }, { holder: 'me' }],
  });
});

it.each([
  ['whose worker is silent is a death', 'dead', 1, 0],
  ['whose worker has beaten since is none', 'frozen', 0, 0],
  ['of which nothing is known yet stays open', 'unknown', 0, 1],
])('a lost entry %s', (_what, holder, deaths, open) => {
  const lost = lostOnce({ suspects: [{ holder, at: NOW }] });
  const judged = judgeLostEntries(lost, others(['dead'], { frozen: NOW + 1 }), NOW + 20_000);
  expect([judged.deaths, judged.suspects.length]).toEqual([deaths, open]);
});

it('an entry that nobody noted is a death while some worker is silent, and is forgotten otherwise', () => {
  const lost = lostOnce({ suspects: [{ holder: null, at: NOW }] });
  expect(judgeLostEntries(lost, others(['any']), NOW + 1).deaths).toBe(1);
  const many = lostOnce({ suspects: Array(5).fill({ holder: null, at: NOW }) });
  expect(judgeLostEntries(many, others(['one', 'two']), NOW + 1).deaths).toBe(2);
  expect(judgeLostEntries(lost, others([]), NOW + 1).suspects).toHaveLength(1);
  expect(judgeLostEntries(lost, others([]), NOW + 60_000)).toMatchObject({
    deaths: 0,
    suspects: [],
  });
});

it('one or two deaths delay nothing; the third, fourth and fifth 1, 5 and 15 minutes, and the sixth ends it', () => {
  const next = (deaths: number) => decideOnLost(lostOnce({ deaths }), NOW, 'it');
  expect([next(1).next, next(2).next]).toEqual(['go-on', 'go-on']);
  expect([next(3), next(4), next(5)]).toMatchObject([
    { next: 'wait', delayMs: 60_000 },
    { next: 'wait', delayMs: 300_000 },
    { next: 'wait', delayMs: 900_000 },
  ]);
  expect(next(6)).toMatchObject({ next: 'end', message: 'workers died 6 times while they had it' });
});

it('a job waits once for each death, also when it is entered meanwhile', () => {
  const decision = decideOnLost(lostOnce({ deaths: 3 }), NOW, 'it');
  if (decision.next !== 'wait') throw new Error('it does not wait');
  expect(decideOnLost(decision.lost, NOW + 10_000, 'it')).toEqual({
    next: 'sleep',
    delayMs: 50_000,
  });
  expect(decideOnLost(decision.lost, NOW + 60_000, 'it')).toEqual({ next: 'go-on' });
});

it('whether a third worker has died is waited for, and a first or second is not', () => {
  const suspects = [{ holder: 'other', at: NOW }];
  expect(decideOnLost(lostOnce({ deaths: 1, suspects }), NOW, 'it').next).toBe('go-on');
  expect(decideOnLost(lostOnce({ deaths: 2, suspects }), NOW, 'it').next).toBe('ask-again');
});
