import { expect, it } from 'vitest';
import type { WorkerReport } from '../../../../src/jobs/worker-report.js';
import { conditionsOf } from '../../../../src/server/dashboard/frame/conditions.js';
import type { SystemState } from '../../../../src/server/health/read-system.js';

const NOW = Date.UTC(2026, 10, 23, 12);

function report(more: Partial<WorkerReport> = {}): WorkerReport {
  return {
    v: 1,
    host: 'host',
    pid: 1,
    version: '0.1.0',
    node: '20.19.0',
    startedAt: NOW - 60_000,
    jobs: {},
    atlas: null,
    refusedSince: null,
    webhook: null,
    notReady: [],
    ...more,
  };
}

function system(more: Partial<SystemState> = {}, ...reports: Partial<WorkerReport>[]): SystemState {
  const all = reports.length > 0 ? reports : [{}];
  return {
    now: NOW,
    workers: all.map((one, i) => ({ id: `worker-${i}`, report: report(one) })),
    pause: null,
    memoryUsedRatio: 0.1,
    today: { sent: 0, quota: null },
    lineWaitsFor: null,
    writeRefusal: null,
    silence: null,
    ...more,
  };
}

const texts = (state: SystemState | null) => conditionsOf(state).map(({ text }) => text);

it('nothing is said while all is well', () => {
  expect(conditionsOf(system())).toEqual([]);
  expect(conditionsOf(system({ today: { sent: 99, quota: { most: 100, left: 1 } } }))).toEqual([]);
});

it('a Redis that does not answer and a system without workers are said', () => {
  expect(texts(null)).toEqual([expect.stringContaining('Redis does not answer')]);
  expect(texts(system({ workers: [] }))).toEqual([expect.stringContaining('No worker is alive')]);
});

it('a Redis that refuses writes is said, and not that no worker is alive, which nobody knows then', () => {
  const full = system({ workers: [], writeRefusal: 'OOM; it is full' });
  expect(texts(full)).toEqual([
    'Redis refuses writes: OOM; it is full. Workers wait until it takes them, and none has to be restarted.',
  ]);
});

it('an Atlas that does not answer is said with since when, to how many, and whether the circuit is open', () => {
  const down = { since: NOW - 90_000, code: 'ATLAS_UNAVAILABLE', circuitOpen: true } as const;
  const [condition] = conditionsOf(
    system({}, { atlas: down }, { atlas: { ...down, since: NOW - 30_000 } }, {}),
  );
  expect(condition).toMatchObject({ level: 'error', since: NOW - 90_000 });
  expect(condition?.text).toContain('does not answer 2 of 3 workers (ATLAS_UNAVAILABLE)');
  expect(condition?.text).toContain('circuit is open in 2');
});

it('refused credentials, a full Redis and a quota that is used up are said', () => {
  const state = system(
    { memoryUsedRatio: 0.93, today: { sent: 1000, quota: { most: 1000, left: 0 } } },
    { refusedSince: NOW - 5000 },
  );
  expect(conditionsOf(state)).toMatchObject([
    { level: 'error', text: expect.stringContaining('refuses the client id'), since: NOW - 5000 },
    { level: 'error', text: expect.stringContaining('93 % of its memory') },
    { level: 'warning', text: expect.stringContaining('quota of 1,000 documents') },
  ]);
});

it('a quota that has too little left for the next upload in line is said', () => {
  const today = { sent: 7, quota: { most: 10, left: 3 } };
  expect(texts(system({ today, lineWaitsFor: 'limit' }))).toEqual([]);
  expect(texts(system({ today, lineWaitsFor: 'quota' }))).toEqual([
    expect.stringContaining('quota of 10 documents has 3 left'),
  ]);
});

it('callbacks that have stopped are said', () => {
  const state = system({ silence: { missed: 7, since: NOW - 600_000 } });
  expect(conditionsOf(state)).toMatchObject([
    { level: 'warning', text: expect.stringContaining('7 uploads'), since: NOW - 600_000 },
  ]);
});

it.each([
  ['a worker that failed last says so', [{ failed: 60, delivered: 120 }], 1],
  ['what another worker delivered later counts', [{ failed: 60 }, { delivered: 30 }], 0],
  ['what was delivered before does not', [{ failed: 60 }, { delivered: 90 }], 1],
  ['news of hours ago say nothing', [{ failed: 3 * 3600 }], 0],
] as [string, { failed?: number; delivered?: number }[], number][])(
  'of the webhook, %s',
  (_what, seen, expected) => {
    const reports = seen.map(({ failed, delivered }) => ({
      webhook: {
        failingSince: failed === undefined ? null : NOW - failed * 1000,
        lastFailedAt: failed === undefined ? 0 : NOW - failed * 1000,
        lastDeliveredAt: delivered === undefined ? 0 : NOW - delivered * 1000,
        code: '503',
      },
    }));
    expect(conditionsOf(system({}, ...reports))).toHaveLength(expected);
  },
);

it.each([
  ['410', 'error', "The webhook's receiver wants no more events (410): each is given up at once."],
  ['503', 'warning', 'does not take events (503). Each event is sent again for a day.'],
  ['404', 'warning', 'does not take events (404). Each event is sent again for a day.'],
  ['302', 'warning', 'leads elsewhere (302), which is not followed. Each event is sent again'],
  [
    'ECONNREFUSED',
    'warning',
    'does not respond (ECONNREFUSED). Each event is sent again for a day.',
  ],
])('of a webhook that gets %s it is said what follows', (code, level, text) => {
  const webhook = { failingSince: NOW - 9, lastFailedAt: NOW - 9, lastDeliveredAt: 0, code };
  expect(conditionsOf(system({}, { webhook }))).toEqual([
    { level, text: expect.stringContaining(text), since: NOW - 9 },
  ]);
});
