/**
 * Measures how long one batch takes that is alone, from being added to its event, beyond the waits between its
 * polls: those are the policy's, and equal. The contenders take turns, one batch each.
 */
import { COMPLETIONS_QUEUE } from '../../../src/jobs/queues.js';
import { type Contender, type Stage, setStage } from '../stage.js';
import { FIRST_POLL_MS } from '../work.js';

/** Connections are open and the code of one batch is compiled by then. */
const WARM_UP = 100;
const BATCHES = 10;

export type Latencies = Record<'atlas-batch' | 'floor: bare BullMQ', number[]>;

/** Milliseconds of each batch. */
export async function measureLatency(negativePolls: number): Promise<Latencies> {
  const latencies: Latencies = { 'atlas-batch': [], 'floor: bare BullMQ': [] };
  const contenders: { name: keyof Latencies; stage: Stage }[] = [];
  try {
    for (const name of Object.keys(latencies) as (keyof Latencies & Contender)[]) {
      const stage = await setStage({ negativePolls });
      contenders.push({ name, stage });
      await stage.start(name);
      await stage.enqueue(0, WARM_UP);
      await stage.completed(WARM_UP);
    }
    const waitMs = (1 + negativePolls) * FIRST_POLL_MS;
    for (let at = WARM_UP; at < WARM_UP + BATCHES; at += 1) {
      for (const { name, stage } of contenders) {
        latencies[name].push((await millisecondsOf(stage, at)) - waitMs);
      }
    }
    return latencies;
  } finally {
    for (const { stage } of contenders) await stage.stop();
  }
}

async function millisecondsOf({ redis, prefix, enqueue }: Stage, at: number): Promise<number> {
  const events = `${prefix}:${COMPLETIONS_QUEUE}:events`;
  const [[last] = ['0']] = await redis.xrevrange(events, '+', '-', 'COUNT', 1);
  const reader = redis.duplicate();
  try {
    const started = performance.now();
    await enqueue(at, at + 1);
    await reader.xread('BLOCK', 0, 'STREAMS', events, last);
    return performance.now() - started;
  } finally {
    reader.disconnect();
  }
}
