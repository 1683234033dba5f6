/** Measures how fast a flood gets into the line, when an urgent batch behind it is sent, and what it costs while it waits there. */
import { setTimeout as pause } from 'node:timers/promises';
import { gateKeys } from '../../../src/jobs/keys/gate-keys.js';
import { cpuMs } from '../process-usage.js';
import { setStage } from '../stage.js';
import { until } from '../until.js';
import { MAX_DOCUMENTS } from '../work.js';

const BATCHES = 100_000;
/** Of them none has been taken from BullMQ's wait list when an urgent batch comes behind them. */
const BULK = 20_000;
/** One batch is at Atlas, and nobody else goes there. */
const LIMIT = { ATLAS_MAX_DOCUMENTS_IN_FLIGHT: String(MAX_DOCUMENTS) };
/** Before they are timed. */
const WARM_UP = 2000;
/** For which those in line do nothing. */
const REST_S = 10;

export interface LineIntake {
  /** Until all are in line, a batch. */
  intakeMs: number;
  /** Of the worker and of Redis, a second, with all of them in line. */
  restCpuMs: number;
}

export async function measureLineIntake(): Promise<LineIntake> {
  const stage = await setStage({ completionMs: 3_600_000 });
  const { redis, prefix, redisProcess } = stage;
  const [, , line = ''] = gateKeys(prefix);
  const inLine = (count: number) => until(async () => (await redis.zcard(line)) === count - 1);
  try {
    await stage.enqueue(0, WARM_UP);
    const [pid = 0] = await stage.start('atlas-batch', LIMIT);
    await inLine(WARM_UP);
    const startedAt = performance.now();
    await stage.enqueue(WARM_UP, WARM_UP + BATCHES);
    await inLine(WARM_UP + BATCHES);
    const intakeMs = (performance.now() - startedAt) / BATCHES;
    const cpu = () => cpuMs(pid) + cpuMs(redisProcess.pid);
    const before = cpu();
    await pause(1000 * REST_S);
    return { intakeMs, restCpuMs: (cpu() - before) / REST_S };
  } finally {
    await stage.stop();
  }
}

/** From the first batch that is taken of a flood to the upload of an urgent one at its end: in all, and a batch of the flood. */
export async function measureUrgentIntake(): Promise<{ totalMs: number; batchMs: number }> {
  const stage = await setStage();
  const { redis, prefix, batches } = stage;
  const [, , line = ''] = gateKeys(prefix);
  try {
    await stage.enqueue(0, BULK, 'bulk', 'bulk');
    await stage.enqueue(0, 1, 'urgent', 'urgent');
    await stage.start('atlas-batch', LIMIT);
    await until(async () => (await redis.zcard(line)) > 0);
    const startedAt = performance.now();
    await until(async () => (await batches.getJobState('batch-urgent0')) === 'waiting-children');
    const totalMs = performance.now() - startedAt;
    return { totalMs, batchMs: totalMs / BULK };
  } finally {
    await stage.stop();
  }
}
