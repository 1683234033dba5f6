/** Measures how soon room at Atlas that becomes free is used by the head of the line. */
import { gateKeys } from '../../../src/jobs/keys/gate-keys.js';
import { POLLS_QUEUE } from '../../../src/jobs/queues.js';
import { type Stage, setStage } from '../stage.js';
import { until } from '../until.js';
import { MAX_DOCUMENTS } from '../work.js';

/** One batch is at Atlas, and the next has to wait for it. */
const LIMIT = { ATLAS_MAX_DOCUMENTS_IN_FLIGHT: String(MAX_DOCUMENTS) };
const BATCHES = 10;
const KILLS = 3;

export interface LineRoom {
  /** From a stored result to the next upload, in seconds, once for each batch but the last. */
  usedS: number[];
  /** From the kill of the worker that polls the batch which is at Atlas to the next upload, once for each kill. */
  afterKillS: number[];
  /** From the kill of the worker that has room for a batch, and has not sent it, to the next upload, once for each kill. */
  unsentS: number[];
}

export async function measureLineRoom(): Promise<LineRoom> {
  const afterKillS: number[] = [];
  const unsentS: number[] = [];
  for (let kill = 0; kill < KILLS; kill += 1) {
    afterKillS.push(await secondsAfterKill(POLLING));
    unsentS.push(await secondsAfterKill(UNSENT));
  }
  return { usedS: await secondsUntilUsed(), afterKillS, unsentS };
}

async function secondsUntilUsed(): Promise<number[]> {
  const stage = await setStage();
  try {
    await stage.start('atlas-batch', LIMIT);
    await stage.enqueue(0, BATCHES);
    const seconds: number[] = [];
    for (let batch = 1; batch < BATCHES; batch += 1) {
      await until(async () => (await stage.asked()).results >= batch);
      const stored = performance.now();
      await uploads(stage, batch + 1);
      seconds.push((performance.now() - stored) / 1000);
    }
    return seconds;
  } finally {
    await stage.stop();
  }
}

interface Kill {
  /** The response to its first request never comes: it is what the worker is about when it is killed. */
  endpoint: 'extracts' | 'authtoken';
  isMet(stage: Stage): Promise<boolean>;
  /** Uploads that Atlas has taken before. */
  uploads: number;
}

const POLLING: Kill = {
  endpoint: 'extracts',
  isMet: async ({ redis, prefix }) => (await redis.llen(`${prefix}:${POLLS_QUEUE}:active`)) === 1,
  uploads: 1,
};
const UNSENT: Kill = {
  endpoint: 'authtoken',
  isMet: async ({ redis, prefix }) => (await redis.zcard(gateKeys(prefix)[1] ?? '')) === 1,
  uploads: 0,
};

async function secondsAfterKill({ endpoint, isMet, uploads: before }: Kill): Promise<number> {
  const stage = await setStage({ faults: [{ endpoint, fault: 'hang', times: 1 }] });
  try {
    const [pid = 0] = await stage.start('atlas-batch', LIMIT);
    await stage.enqueue(0, 1);
    await until(() => isMet(stage));
    stage.startBeside('atlas-batch', LIMIT);
    await until(async () => (await stage.batches.getWorkersCount()) === 2);
    await stage.enqueue(1, 2);
    process.kill(pid, 'SIGKILL');
    const killed = performance.now();
    await uploads(stage, before + 1);
    return (performance.now() - killed) / 1000;
  } finally {
    await stage.stop();
  }
}

/** Waits until Atlas has taken so many uploads. */
async function uploads(stage: Stage, count: number): Promise<void> {
  await until(async () => (await stage.asked()).uploads >= count);
}
