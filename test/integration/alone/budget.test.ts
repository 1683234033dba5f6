import { monitorEventLoopDelay } from 'node:perf_hooks';
import { expect, it } from 'vitest';
import type { AtlasEndpoint } from '../../../src/simulator/index.js';
import { LONG } from '../../helpers/long-form.js';
import { type System, startSystem } from '../../helpers/system.js';

const BATCHES = LONG ? 500 : 60;
const BUDGET = 20;
/** What Atlas may see in any second: the budget and a tenth. */
const MOST_IN_A_SECOND = 22;
/** While there is work, the budget is used. */
const LEAST_A_SECOND = 18;

/** In order; the log has them in the order of their responses. */
function arrivals({ atlas }: System, endpoint?: AtlasEndpoint): number[] {
  const times = atlas.requestLog(endpoint).map(({ at }) => at);
  return times.sort((a, b) => a - b);
}

it('two processes keep within one budget, in every sliding second, and use it', {
  timeout: LONG ? 300_000 : 120_000,
}, async () => {
  const system = await startSystem({
    environment: { ATLAS_MAX_REQUESTS_PER_SECOND: String(BUDGET) },
  });
  for (let i = 0; i < BATCHES; i += 1) await system.submit(`budget-${i}`, 2);
  const delays = monitorEventLoopDelay({ resolution: 10 });
  delays.enable();
  await Promise.all([system.startWorkerProcess(), system.startWorkerProcess()]);
  for (let i = 0; i < BATCHES; i += 1) {
    expect((await system.event(`done-budget-${i}`, 250_000)).name).toBe('batch.completed');
  }
  const at = arrivals(system);
  const seconds = at.map((from) => at.filter((time) => time >= from && time < from + 1000).length);
  // What comes while the machine stands still is seen at once when it goes on.
  delays.disable();
  const stoodSeconds = delays.max / 1e9;
  const most = MOST_IN_A_SECOND + Math.ceil(BUDGET * stoodSeconds);
  expect(Math.max(...seconds)).toBeLessThanOrEqual(most);

  // Uploads are the work that is always there: until the last of them the budget is full.
  const uploads = arrivals(system, 'multiupload');
  const [first = 0] = at;
  const last = uploads.at(-1) ?? first;
  const during = at.filter((time) => time <= last).length;
  expect((during * 1000) / (last - first)).toBeGreaterThan(LEAST_A_SECOND);

  // Neither kind waits for the other to be done.
  const half = uploads[Math.floor(uploads.length / 2)] ?? 0;
  expect(arrivals(system, 'extracts').filter((time) => time < half).length).toBeGreaterThan(0);
});
