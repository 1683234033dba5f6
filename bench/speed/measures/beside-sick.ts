/**
 * Measures how long healthy batches take, alone and beside others of which each request hangs, is cut or
 * gets an error.
 */
import { setTimeout as pause } from 'node:timers/promises';
import type { BatchSummary } from '../../../src/jobs/summary.js';
import type { AtlasFaultRule } from '../../../src/simulator/index.js';
import { type Stage, setStage } from '../stage.js';
import { until } from '../until.js';

const HEALTHY = 300;
const EVERY_MS = 50;
const WARM_UP = 20;
const SICK = 100;
/** With these a healthy batch needs some tenths of a second. */
const ENVIRONMENT = { POLL_MIN_MS: '200', POLL_MAX_MS: '2000', ATLAS_TIMEOUT_MS: '5000' };
const FAULTS: AtlasFaultRule[] = [
  { fault: 'hang', endpoint: 'extracts', probability: 0.4 },
  { fault: 'reset-before', endpoint: 'extracts', probability: 0.5 },
  { fault: 500, endpoint: 'extracts' },
  { fault: 'hang', endpoint: 'multiupload', probability: 0.2 },
  { fault: 503, endpoint: 'multiupload', probability: 0.5 },
];

/** @returns seconds from adding a batch to its event, one figure for each healthy batch */
export async function measureBesideSick(): Promise<{ alone: number[]; beside: number[] }> {
  return { alone: await secondsBeside(0), beside: await secondsBeside(SICK) };
}

async function secondsBeside(sick: number): Promise<number[]> {
  const stage = await setStage({ faults: FAULTS, faultsOf: 'sick' });
  try {
    await stage.start('atlas-batch', ENVIRONMENT);
    await stage.enqueue(0, sick, 'sick');
    await flow(stage, WARM_UP, 'early');
    return await flow(stage, HEALTHY, 'well');
  } finally {
    await stage.stop();
  }
}

/** One batch after another, as fast as they come, and not as fast as they end. */
async function flow({ batches, completions, enqueue }: Stage, count: number, name: string) {
  for (let at = 0; at < count; at += 1) {
    await enqueue(at, at + 1, name);
    await pause(EVERY_MS);
  }
  const events = async () => {
    const all = await completions.getJobs(['wait']);
    return all.filter(({ data }: { data: BatchSummary }) => data.reference?.startsWith(name));
  };
  await until(async () => (await events()).length === count);
  return Promise.all(
    (await events()).map(async ({ data, timestamp }) => {
      const { reference, status } = data as BatchSummary;
      if (status !== 'completed') throw new Error(`${reference} failed`);
      const job = await batches.getJob(`batch-${reference}`);
      return (timestamp - (job?.timestamp ?? 0)) / 1000;
    }),
  );
}
