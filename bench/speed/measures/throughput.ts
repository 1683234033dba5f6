/**
 * Measures batches per second, and the cost of each, of every contender. All of them run at the same
 * time, each with a Redis and stand-ins of its own, and take turns: so changes in the speed of the
 * machine affect them alike.
 */
import { setTimeout as pause } from 'node:timers/promises';
import { cpuMs } from '../process-usage.js';
import { CONTENDERS, type Contender, type Stage, setStage } from '../stage.js';
import { until } from '../until.js';
import { FIRST_POLL_MS, MAX_DOCUMENTS } from '../work.js';
import { type Commands, countCommands } from './redis-commands.js';

/**
 * The warm-up, until code is compiled, connections are open and streams of events are full: so many
 * batches to find the speed, and one turn that is not counted. The CPU per batch is constant then.
 */
const WARM_UP = 2000;
/** After this time last polls come as fast as uploads go out. */
const leadMs = (negativePolls: number) => (2 + negativePolls) * FIRST_POLL_MS;
/** About seven of these seconds are counted. */
const RUN_SECONDS = 10;
const COUNTED = 100;

/** The figures of one run. Redis commands are those of one batch. */
export interface Throughput extends Commands {
  batchesPerSecond: number;
  /** CPU milliseconds per batch. */
  workerCpuMs: number;
  redisCpuMs: number;
}

export interface ThroughputOptions {
  runs: number;
  setup: Setup;
}

/** How every contender is started. */
export interface Setup {
  processes: number;
  /** Batches that are checked, sent or ended at once, over all processes. */
  submitConcurrency: number | 'default';
  /** Polls of each batch before the one that finds it complete. */
  negativePolls: number;
}

export async function measureThroughput(
  { runs, setup }: ThroughputOptions,
  tell: (line: string) => void,
): Promise<Record<Contender, Throughput[]>> {
  const contenders: Carrying[] = [];
  try {
    for (const name of Object.keys(CONTENDERS) as Contender[]) {
      contenders.push(await warmUp(name, setup));
    }
    for (let run = 1; run <= runs; run += 1) {
      for (const contender of contenders) {
        const one = await carry(contender);
        contender.runs.push(one);
        const { name } = contender;
        tell(`run ${run}: ${name.padEnd(20)} ${one.batchesPerSecond.toFixed(0)} batches/s`);
      }
    }
    const results: Partial<Record<Contender, Throughput[]>> = {};
    for (const contender of contenders) {
      const { sent, executed } = await countPerBatch(contender);
      await checkWork(contender);
      results[contender.name] = contender.runs.map((one) => ({ ...one, sent, executed }));
    }
    return results as Record<Contender, Throughput[]>;
  } finally {
    for (const { stage } of contenders) await stage.stop();
  }
}

/** A contender on a stage of its own. */
interface Carrying {
  name: Contender;
  stage: Stage;
  negativePolls: number;
  pids: number[];
  /** Batches so far. */
  carried: number;
  /** Batches per second in the last turn. */
  rate: number;
  runs: Omit<Throughput, keyof Commands>[];
}

async function warmUp(
  name: Contender,
  { processes, submitConcurrency, negativePolls }: Setup,
): Promise<Carrying> {
  const stage = await setStage({ negativePolls });
  const environment =
    submitConcurrency === 'default'
      ? {}
      : { SUBMIT_CONCURRENCY: String(submitConcurrency / processes) };
  const pids = await stage.start(name, environment, processes);
  const started = performance.now();
  await stage.enqueue(0, WARM_UP);
  await stage.completed(WARM_UP);
  const rate = perSecond(WARM_UP, performance.now() - started);
  const contender = { name, stage, negativePolls, pids, carried: WARM_UP, rate, runs: [] };
  await carry(contender);
  return contender;
}

/**
 * Runs one turn of about ten seconds. Only its middle is counted: not the beginning, when no poll is
 * due yet, and not the end, when all batches are sent and only polls are left.
 */
async function carry(contender: Carrying): Promise<Omit<Throughput, keyof Commands>> {
  const { stage, carried, rate, negativePolls } = contender;
  const end = carried + Math.round(rate * RUN_SECONDS);
  await stage.batches.pause();
  await stage.enqueue(carried, end);
  const started = performance.now();
  await stage.batches.resume();
  await pause(leadMs(negativePolls));
  const before = await read(contender);
  await until(async () => (await stage.batches.getWaitingCount()) === 0);
  const after = await read(contender);
  await stage.completed(end);
  contender.rate = perSecond(end - carried, performance.now() - started);
  contender.carried = end;
  const batches = after.carried - before.carried;
  return {
    batchesPerSecond: perSecond(batches, after.at - before.at),
    workerCpuMs: (after.workerCpuMs - before.workerCpuMs) / batches,
    redisCpuMs: (after.redisCpuMs - before.redisCpuMs) / batches,
  };
}

interface Reading {
  at: number;
  /** A batch that is sent counts as half a batch, since bursts of sending and of ending alternate. */
  carried: number;
  workerCpuMs: number;
  redisCpuMs: number;
}

async function read({ stage, pids }: Carrying): Promise<Reading> {
  const { batches, completions } = stage;
  // The baseline's batches complete when they are sent.
  const [sent, ended] = await Promise.all([
    batches.getJobCountByTypes('completed', 'waiting-children'),
    completions.count(),
  ]);
  return {
    carried: (sent + ended) / 2,
    at: performance.now(),
    workerCpuMs: pids.reduce((sum, pid) => sum + cpuMs(pid), 0),
    redisCpuMs: cpuMs(stage.redisProcess.pid),
  };
}

function perSecond(count: number, ms: number): number {
  return (count * 1000) / ms;
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

/** Every batch was checked, sent, polled as often as it had to be, and stored, and nothing twice. */
async function checkWork({ stage, carried: batches, negativePolls }: Carrying): Promise<void> {
  const asked = await stage.asked();
  const expected = {
    uploads: batches,
    polls: batches * (1 + negativePolls),
    checks: batches * MAX_DOCUMENTS,
    results: batches,
  };
  if (JSON.stringify(asked) !== JSON.stringify(expected)) {
    throw new Error(
      `the stand-ins were asked ${JSON.stringify(asked)}, not ${JSON.stringify(expected)}`,
    );
  }
}
