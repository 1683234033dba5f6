/** Measures how fast a flood gets into the line, and what it costs while it waits there. */
import { setTimeout as pause } from 'node:timers/promises';
import { gateKeys } from '../../../src/jobs/keys/gate-keys.js';
import { cpuMs } from '../process-usage.js';
import { setStage } from '../stage.js';
import { until } from '../until.js';
import { MAX_DOCUMENTS } from '../work.js';

const BATCHES = 100_000;
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
  // One batch is at Atlas, and nobody else goes there.
  const inLine = (count: number) => until(async () => (await redis.zcard(line)) === count - 1);
  try {
    const limit = { ATLAS_MAX_DOCUMENTS_IN_FLIGHT: String(MAX_DOCUMENTS) };
    await stage.enqueue(0, WARM_UP);
    const [pid = 0] = await stage.start('atlas-batch', limit);
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
