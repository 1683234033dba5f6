import { expect, it } from 'vitest';
import { startSystem } from '../helpers/system.js';

const LONG = Number(process.env.CHAOS_SEEDS ?? 1) > 1;
const BATCHES = LONG ? 500 : 60;
const BUDGET = 20;
/** What Atlas may see in any second: the budget and a tenth. */
const MOST_IN_A_SECOND = 22;
/** While there is work, the budget is used. */
const LEAST_A_SECOND = 18;

it('keeps two processes within one budget, in every sliding second, and uses it', {
  timeout: LONG ? 300_000 : 120_000,
}, async () => {
  const system = await startSystem({
    environment: { ATLAS_MAX_REQUESTS_PER_SECOND: String(BUDGET) },
  });
  for (let i = 0; i < BATCHES; i += 1) await system.submit(`budget-${i}`, 2);
  await Promise.all([system.startWorkerProcess(), system.startWorkerProcess()]);
  for (let i = 0; i < BATCHES; i += 1) {
    expect((await system.event(`done-budget-${i}`, 250_000)).name).toBe('batch.completed');
  }
  const at = system.atlas.requestLog().map((request) => request.at);
  const most = Math.max(
    ...at.map((from, i) => at.slice(i).findIndex((time) => time >= from + 1000)),
  );
  expect(most).toBeLessThanOrEqual(MOST_IN_A_SECOND);

  // Uploads are the work that is always there: until the last of them the budget is full.
  const uploads = system.atlas.requestLog('multiupload').map((request) => request.at);
  const [first = 0] = at;
  const last = uploads.at(-1) ?? first;
  const during = at.filter((time) => time <= last).length;
  expect((during * 1000) / (last - first)).toBeGreaterThan(LEAST_A_SECOND);

  // Neither kind waits for the other to be done.
  const half = uploads[Math.floor(uploads.length / 2)] ?? 0;
  const looksBefore = system.atlas.requestLog('extracts').filter((look) => look.at < half).length;
  expect(looksBefore).toBeGreaterThan(0);
});
