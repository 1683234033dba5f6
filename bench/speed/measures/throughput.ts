/**
 * Batches a second, and what each costs, of every contender. All are there at once, each with a
 * Redis and stand-ins of its own, and take turns: what a machine has of good and bad minutes meets
 * them alike.
 */
import { CONTENDERS, type Contender, type Stage, setStage } from '../stage.js';
import { cpuMs } from '../vitals.js';
import { MAX_DOCUMENTS } from '../work.js';
import { type Commands, countCommands } from './redis-commands.js';

/**
 * Until code is compiled, connections are open and streams of events are full. The CPU that a batch
 * costs stands still from about 1,500 batches on, of atlas-batch and of the floor.
 */
const WARM_UP = 2000;
const COUNTED = 100;

/** Of one run. Redis commands are those of one batch. */
export interface Throughput extends Commands {
  batchesPerSecond: number;
  /** CPU milliseconds a batch. */
  workerCpuMs: number;
  redisCpuMs: number;
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
  const contenders: Carrying[] = [];
  try {
    for (const name of Object.keys(CONTENDERS) as Contender[]) {
      contenders.push(await warmUp(name, submitConcurrency));
    }
    for (let run = 1; run <= runs; run += 1) {
      for (const contender of contenders) {
        const one = await carry(contender, batches);
        contender.runs.push(one);
        const { name } = contender;
        tell(`run ${run}: ${name.padEnd(20)} ${one.batchesPerSecond.toFixed(0)} batches/s`);
      }
    }
    const results: Partial<Record<Contender, Throughput[]>> = {};
    for (const contender of contenders) {
      const { sent, executed } = await countPerBatch(contender);
      await checkWork(contender.stage, contender.carried);
      results[contender.name] = contender.runs.map((one) => ({ ...one, sent, executed }));
    }
    return results as Record<Contender, Throughput[]>;
  } finally {
    for (const { stage } of contenders) await stage.stop();
  }
}

/** A contender on a stage of its own, and how many batches it has carried. */
interface Carrying {
  name: Contender;
  stage: Stage;
  pid: number;
  carried: number;
  runs: Omit<Throughput, keyof Commands>[];
}

async function warmUp(name: Contender, submitConcurrency: number): Promise<Carrying> {
  const stage = await setStage();
  const environment = { SUBMIT_CONCURRENCY: String(submitConcurrency) };
  const { pid = 0 } = await stage.start(name, environment);
  await stage.enqueue(0, WARM_UP);
  await stage.completed(WARM_UP);
  return { name, stage, pid, carried: WARM_UP, runs: [] };
}

async function carry(
  contender: Carrying,
  batches: number,
): Promise<Omit<Throughput, keyof Commands>> {
  const { stage, pid, carried } = contender;
  const end = carried + batches;
  await stage.batches.pause();
  await stage.enqueue(carried, end);
  const before = { worker: cpuMs(pid), redis: cpuMs(stage.redisProcess.pid) };
  const started = performance.now();
  await stage.batches.resume();
  await stage.completed(end);
  const seconds = (performance.now() - started) / 1000;
  const after = { worker: cpuMs(pid), redis: cpuMs(stage.redisProcess.pid) };
  contender.carried = end;
  return {
    batchesPerSecond: batches / seconds,
    workerCpuMs: (after.worker - before.worker) / batches,
    redisCpuMs: (after.redis - before.redis) / batches,
  };
}

async function countPerBatch(contender: Carrying): Promise<Commands> {
  const { stage, carried } = contender;
  const end = carried + COUNTED;
  const { sent, executed } = await countCommands(stage, async () => {
    await stage.enqueue(carried, end);
    await stage.completed(end);
  });
  contender.carried = end;
  return { sent: sent / COUNTED, executed: executed / COUNTED };
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
