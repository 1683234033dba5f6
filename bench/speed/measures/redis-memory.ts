/**
 * Measures the bytes of Redis per batch: in flight, and ended with its event still there. They are
 * the difference between two numbers of batches, both so large that the streams of events are full.
 */

import { redisBytes } from '../process-usage.js';
import { type Contender, setStage } from '../stage.js';
import { until } from '../until.js';

const FEWER = 6_000;
const MORE = 12_000;
/** Longer than the measure takes. */
const NEVER_MS = 3_600_000;
const FAR_POLLS = { POLL_MIN_MS: '600000', POLL_MAX_MS: '600000' };

export interface RedisMemory {
  inFlightBytes: number;
  /** Of the floor. */
  bareBytes: number;
  endedBytes: number;
}

export async function measureRedisMemory(): Promise<RedisMemory> {
  return {
    inFlightBytes: await inFlight('atlas-batch'),
    bareBytes: await inFlight('floor: bare BullMQ'),
    endedBytes: await ended(),
  };
}

async function inFlight(contender: Contender): Promise<number> {
  const stage = await setStage({ completionMs: NEVER_MS });
  try {
    await stage.start(contender, FAR_POLLS);
    const at = async (count: number, from: number) => {
      await stage.enqueue(from, count);
      await until(async () => (await stage.batches.getWaitingChildrenCount()) >= count);
      return redisBytes(stage.redis);
    };
    const fewer = await at(FEWER, 0);
    return ((await at(MORE, FEWER)) - fewer) / (MORE - FEWER);
  } finally {
    await stage.stop();
  }
}

async function ended(): Promise<number> {
  const stage = await setStage();
  try {
    await stage.start('atlas-batch');
    const at = async (count: number, from: number) => {
      await stage.enqueue(from, count);
      await stage.completed(count);
      return redisBytes(stage.redis);
    };
    const fewer = await at(FEWER, 0);
    return ((await at(MORE, FEWER)) - fewer) / (MORE - FEWER);
  } finally {
    await stage.stop();
  }
}
