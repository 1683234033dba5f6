/** Batches a second, and what each costs, of every contender in turns. */
import { CONTENDERS, type Contender, type Stage, setStage } from '../stage.js';
import { cpuMs } from '../vitals.js';
import { MAX_DOCUMENTS } from '../work.js';
import { countCommands } from './redis-commands.js';

/** Until code is compiled, connections are open and streams of events are full. */
const WARM_UP = 500;
const COUNTED = 100;

export interface Throughput {
  batchesPerSecond: number;
  /** CPU milliseconds a batch. */
  workerCpuMs: number;
  redisCpuMs: number;
  /** Redis commands a batch: sent by the clients, and all, those that scripts call included. */
  sent: number;
  executed: number;
}

export interface ThroughputOptions {
  runs: number;
  /** Of one run, behind the warm-up. */
  batches: number;
  /** Batches that are checked, sent or ended at once. */
  submitConcurrency: number;
}

export async function measureThroughput(
  { runs, batches, submitConcurrency }: ThroughputOptions,
  tell: (line: string) => void,
): Promise<Record<Contender, Throughput[]>> {
  const results: Record<string, Throughput[]> = {};
  for (let run = 1; run <= runs; run += 1) {
    for (const contender of Object.keys(CONTENDERS) as Contender[]) {
      const stage = await setStage();
      try {
        const one = await carry(stage, contender, batches, submitConcurrency);
        results[contender] = [...(results[contender] ?? []), one];
        tell(`run ${run}: ${contender.padEnd(20)} ${one.batchesPerSecond.toFixed(0)} batches/s`);
      } finally {
        await stage.stop();
      }
    }
  }
  return results as Record<Contender, Throughput[]>;
}

async function carry(
  stage: Stage,
  contender: Contender,
  batches: number,
  submitConcurrency: number,
): Promise<Throughput> {
  const { pid = 0 } = await stage.start(contender, {
    SUBMIT_CONCURRENCY: String(submitConcurrency),
  });
  await stage.enqueue(0, WARM_UP);
  await stage.completed(WARM_UP);

  await stage.batches.pause();
  const end = WARM_UP + batches;
  await stage.enqueue(WARM_UP, end);
  const before = { worker: cpuMs(pid), redis: cpuMs(stage.redisProcess.pid) };
  const started = performance.now();
  await stage.batches.resume();
  await stage.completed(end);
  const seconds = (performance.now() - started) / 1000;
  const after = { worker: cpuMs(pid), redis: cpuMs(stage.redisProcess.pid) };

  const commands = await countCommands(stage, async () => {
    await stage.enqueue(end, end + COUNTED);
    await stage.completed(end + COUNTED);
  });
  await checkWork(stage, end + COUNTED);
  return {
    batchesPerSecond: batches / seconds,
    workerCpuMs: (after.worker - before.worker) / batches,
    redisCpuMs: (after.redis - before.redis) / batches,
    sent: commands.sent / COUNTED,
    executed: commands.executed / COUNTED,
  };
}

/** Every batch was checked, sent, looked at once and stored, and nothing twice. */
async function checkWork(stage: Stage, batches: number): Promise<void> {
  const asked = await stage.asked();
  const expected = {
    uploads: batches,
    looks: batches,
    checks: batches * MAX_DOCUMENTS,
    results: batches,
  };
  if (JSON.stringify(asked) !== JSON.stringify(expected)) {
    throw new Error(
      `the stand-ins were asked ${JSON.stringify(asked)}, not ${JSON.stringify(expected)}`,
    );
  }
}
