/**
 * Measures the CPU of one poll, in worker and Redis together, while few and while very many batches
 * are in flight. Some batches are polled every second. The others are equal, but sleep.
 */
import { FlowProducer } from 'bullmq';
import { BATCH_JOB, BATCHES_QUEUE, POLL_JOB, POLLS_QUEUE } from '../../../src/jobs/queues.js';
import { cpuMs } from '../process-usage.js';
import { type Stage, setStage } from '../stage.js';
import { until } from '../until.js';
import { PRODUCT_TYPE, request } from '../work.js';

const POLLED = 500;
const POLLS = 10_000;
const NEVER_MS = 3_600_000;
const ADDED_AT_ONCE = 500;

export interface PollCost {
  inFlight: number;
  /** CPU microseconds of worker and Redis. */
  pollMicroseconds: number;
}

/** @param inFlight numbers of batches, ascending, all on one stage */
export async function measurePollCost(inFlight: readonly number[]): Promise<PollCost[]> {
  const stage = await setStage({ completionMs: NEVER_MS });
  try {
    const [pid = 0] = await stage.start('atlas-batch');
    await stage.enqueue(0, POLLED);
    await until(async () => (await stage.batches.getWaitingChildrenCount()) >= POLLED);
    let there = POLLED;
    const costs: PollCost[] = [];
    for (const wanted of inFlight) {
      await addSleeping(stage, there, wanted);
      there = Math.max(there, wanted);
      costs.push({ inFlight: there, pollMicroseconds: await costOfPoll(stage, pid) });
    }
    return costs;
  } finally {
    await stage.stop();
  }
}

async function costOfPoll(stage: Stage, pid: number): Promise<number> {
  const cpu = () => cpuMs(pid) + cpuMs(stage.redisProcess.pid);
  const before = { cpu: cpu(), ...(await stage.asked()) };
  let after = before;
  await until(async () => {
    after = { cpu: cpu(), ...(await stage.asked()) };
    return after.polls - before.polls >= POLLS;
  });
  return ((after.cpu - before.cpu) * 1000) / (after.polls - before.polls);
}

/** CPU microseconds of the worker per negative poll, window by window at the same time. */
export type NegativePolls = Record<'atlas-batch' | 'floor: bare BullMQ', number[]>;

const WINDOWS = 9;
const POLLS_OF_WINDOW = 2_000;

/** Both poll batches that are never ready, each second, side by side. */
export async function measureNegativePolls(): Promise<NegativePolls> {
  const costs: NegativePolls = { 'atlas-batch': [], 'floor: bare BullMQ': [] };
  const contenders: { name: keyof NegativePolls; stage: Stage; pid: number }[] = [];
  try {
    for (const name of Object.keys(costs) as (keyof NegativePolls)[]) {
      const stage = await setStage({ completionMs: NEVER_MS });
      const [pid = 0] = await stage.start(name);
      contenders.push({ name, stage, pid });
      await stage.enqueue(0, POLLED);
    }
    const read = () =>
      Promise.all(
        contenders.map(async ({ stage, pid }) => ({
          cpuMs: cpuMs(pid),
          polls: (await stage.asked()).polls,
        })),
      );
    // The first windows are the warm-up, until code is compiled.
    let before = await read();
    for (let window = -2; window < WINDOWS; window += 1) {
      let after = before;
      await until(async () => {
        after = await read();
        return after.every(({ polls }, i) => polls - (before[i]?.polls ?? 0) >= POLLS_OF_WINDOW);
      });
      for (const [i, { name }] of contenders.entries()) {
        const [from, to] = [before[i], after[i]];
        if (window < 0 || !from || !to) continue;
        costs[name].push(((to.cpuMs - from.cpuMs) * 1000) / (to.polls - from.polls));
      }
      before = after;
    }
    return costs;
  } finally {
    for (const { stage } of contenders) await stage.stop();
  }
}

/** Parents that wait and polls that sleep, with data and state of the usual size. */
async function addSleeping(stage: Stage, from: number, to: number): Promise<void> {
  const flows = new FlowProducer({ connection: stage.redis, prefix: stage.prefix });
  for (let at = from; at < to; at += ADDED_AT_ONCE) {
    const count = Math.min(ADDED_AT_ONCE, to - at);
    await flows.addBulk(
      Array.from({ length: count }, (_, i) => {
        const reference = `sleeping-${at + i}`;
        const { documents } = request(reference);
        return {
          name: BATCH_JOB,
          queueName: BATCHES_QUEUE,
          data: request(reference),
          opts: { jobId: `batch-${reference}` },
          children: [
            {
              name: POLL_JOB,
              queueName: POLLS_QUEUE,
              data: {
                v: 1,
                reference,
                productType: PRODUCT_TYPE,
                documentIds: documents.map(({ documentId }) => documentId),
              },
              opts: { jobId: `poll-${reference}`, delay: NEVER_MS },
            },
          ],
        };
      }),
    );
  }
  await flows.close();
}
