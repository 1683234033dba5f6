import { expect, it } from 'vitest';
import { HEARTBEAT_INTERVAL_MS } from '../../../src/jobs/liveness.js';
import { HeartbeatWatch } from '../../../src/workers/maintenance/heartbeat-watch.js';

/** A watch whose beats go through in time, unless told otherwise. */
function watching() {
  const watch = new HeartbeatWatch();
  let at = 0;
  return {
    watch,
    /** The next beat, which sees these workers, each with the score of its last beat. */
    beat(scores: Record<string, number>, { tookMs = 1, gapMs = HEARTBEAT_INTERVAL_MS } = {}) {
      at += gapMs;
      const seen = new Map(Object.entries(scores).map(([id, score]) => [id, `${score}`]));
      watch.saw(seen, { began: at, ended: at + tookMs });
    },
  };
}

it('the watch of heartbeats says that a worker is silent after three own beats in a row without one of its', () => {
  const { watch, beat } = watching();
  beat({ other: 1 });
  for (const isSilent of [false, false, true]) {
    beat({ other: 1 });
    expect(watch.isSilent('other')).toBe(isSilent);
  }
  beat({ other: 2 });
  expect(watch.isSilent('other')).toBe(false);
});

it('the watch of heartbeats goes on counting when Redis has forgotten the last beat of a worker', () => {
  const { watch, beat } = watching();
  beat({ other: 1 });
  beat({ other: 1 });
  beat({});
  expect(watch.isSilent('other')).toBe(false);
  beat({});
  expect(watch.isSilent('other')).toBe(true);
});

it('the watch of heartbeats counts a worker that it never saw from the first question on', () => {
  const { watch, beat } = watching();
  for (let i = 0; i < 9; i += 1) beat({});
  expect(watch.isSilent('unseen')).toBe(false);
  for (const isSilent of [false, false, true]) {
    beat({});
    expect(watch.isSilent('unseen')).toBe(isSilent);
  }
});

it.each([
  ['failed', ({ watch }: ReturnType<typeof watching>) => watch.missed()],
  ['took long', ({ beat }: ReturnType<typeof watching>) => beat({ other: 1 }, { tookMs: 9000 })],
  [
    'came after a pause of the process',
    ({ beat }: ReturnType<typeof watching>) => beat({ other: 1 }, { gapMs: 9000 }),
  ],
])(
  'the watch of heartbeats begins anew when an own beat %s: others may have failed for the same reason',
  (_, disturb) => {
    const watched = watching();
    const { watch, beat } = watched;
    beat({ other: 1 });
    beat({ other: 1 });
    beat({ other: 1 });
    disturb(watched);
    for (const isSilent of [false, false, false, true]) {
      beat({ other: 1 });
      expect(watch.isSilent('other')).toBe(isSilent);
    }
  },
);

it('the watch of heartbeats keeps when a worker has beaten last, and knows how many are silent', () => {
  const { watch, beat } = watching();
  expect([watch.lastBeatOf('other'), watch.silentCount]).toEqual([null, 0]);
  for (const score of [7, 8]) beat({ me: score, other: score });
  for (const score of [9, 10]) beat({ me: score });
  expect([watch.lastBeatOf('other'), watch.silentCount]).toEqual([8, 0]);
  beat({ me: 11 });
  expect([watch.lastBeatOf('other'), watch.silentCount]).toEqual([8, 1]);
});
