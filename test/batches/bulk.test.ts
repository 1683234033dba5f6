import { expect, it, onTestFinished } from 'vitest';
import { startPrivateRedis } from '../../scripts/private-redis.js';
import { previewBulk } from '../../src/batches/bulk/preview.js';
import { type BulkOptions, type BulkProgress, runBulk } from '../../src/batches/bulk/run-bulk.js';
import type { BulkAction, BulkSelection } from '../../src/batches/bulk/selection.js';
import type { ClientQueues } from '../../src/batches/client-queues.js';
import { redisTimeMs } from '../../src/redis/clock.js';
import { type PlantedBatch, plant } from '../helpers/planted-batches.js';
import { testRedis } from '../helpers/redis.js';
import { plantSlowSearch } from '../helpers/slow-search.js';
import { openTestQueues } from '../helpers/test-queues.js';
import { waitUntil } from '../helpers/wait-until.js';

/** Failed ones of two products, one that somebody cancelled, and one that has completed. */
const FAILED: PlantedBatch[] = [
  ...Array.from(
    { length: 45 },
    (_, i): PlantedBatch => ({
      ...{ reference: `loan-${i}`, state: 'failed', productType: 'LOAN_APP', endedAt: 100 + i },
      ...(i < 3 && { present: 1 }),
    }),
  ),
  { reference: 'card-1', state: 'failed', productType: 'CREDIT_CARD' },
  { reference: 'loan-x', state: 'cancelled', productType: 'LOAN_APP' },
  { reference: 'loan-y', state: 'completed', productType: 'LOAN_APP' },
];

const BY = { name: 'asha', via: 'cli' } as const;

async function run(
  queues: ClientQueues,
  action: BulkAction,
  selection: BulkSelection,
  options?: BulkOptions,
): Promise<BulkProgress[]> {
  const steps: BulkProgress[] = [];
  for await (const step of runBulk(queues, BY, action, selection, options)) steps.push(step);
  return steps;
}

it('a preview counts batches, Atlas batches that are read and documents that are sent at most', async () => {
  const { queues } = openTestQueues();
  await plant(queues, FAILED);
  expect(await previewBulk(queues, 'retry', { productType: 'LOAN_APP' })).toEqual({
    ...{ action: 'retry', batches: 45, leftOut: 0, atlasBatches: 3, documents: 42 * 2 + 3 },
    ...{ isWhole: true, until: expect.any(Date) },
  });
  const references = ['loan-x', 'loan-y', 'nobody'];
  const named = await previewBulk(queues, 'retry', { references });
  expect(named).toMatchObject({ batches: 1, leftOut: 2 });
});

it('a retry of all that fit leaves out what was cancelled, and what fails again meanwhile', async () => {
  const { queues } = openTestQueues();
  const { batches, link } = queues;
  await plant(queues, FAILED);
  const steps: BulkProgress[] = [];
  for await (const step of runBulk(queues, BY, 'retry', { productType: 'LOAN_APP' })) {
    steps.push(step);
    const [again] = step.batches;
    await link.redis.lrem(batches.toKey('wait'), 1, `batch-${again?.reference}`);
    await link.redis.zadd(
      batches.toKey('failed'),
      Date.now() + 60_000,
      `batch-${again?.reference}`,
    );
  }
  expect(steps.at(-1)).toMatchObject({ done: 45, changed: 45 });
  expect(await batches.getWaitingCount()).toBe(45 - steps.length);
  const left = await link.redis.zrange(batches.toKey('failed'), '0', '-1');
  expect(left).toEqual(expect.arrayContaining(['batch-card-1', 'batch-loan-x']));
  expect(left).toHaveLength(2 + steps.length);
});

it('a cancel of all that fit asks for the end of each', async () => {
  const { queues, prefix } = openTestQueues();
  await plant(queues, [
    { reference: 'a', tenant: 'branch-1' },
    { reference: 'b', tenant: 'branch-1', state: 'processing' },
    { reference: 'c', tenant: 'branch-2', state: 'in-line' },
  ]);
  const preview = await previewBulk(queues, 'cancel', { tenant: 'branch-1' });
  expect(preview).toMatchObject({ batches: 2, atlasBatches: 1, documents: 0 });
  const steps = await run(queues, 'cancel', { tenant: 'branch-1' }, { reason: 'test' });
  expect(steps.at(-1)).toMatchObject({ done: 2, changed: 2 });
  const { redis } = queues.link;
  const flags = await Promise.all(
    ['a', 'b', 'c'].map((one) => redis.get(`${prefix}:cancel:${one}`)),
  );
  expect(flags.map((flag) => flag && JSON.parse(flag).reason)).toEqual(['test', 'test', null]);
});

/** A worker takes those that wait longest. */
async function begin(queues: ClientQueues, references: readonly string[]): Promise<void> {
  const { batches, link } = queues;
  for (const reference of references)
    await link.redis.lrem(batches.toKey('wait'), -1, `batch-${reference}`);
  await plant(
    queues,
    references.map((reference) => ({ reference, state: 'processing', addedAt: 2 })),
  );
}

it('a cancel of all that fit reaches each once, also those that a worker begins meanwhile', async () => {
  const { queues } = openTestQueues();
  const references = Array.from({ length: 500 }, (_, i) => `loan-${i}`);
  await plant(
    queues,
    references.map((reference) => ({ reference, addedAt: 2 })),
  );
  const cancelled: string[] = [];
  for await (const { batches } of runBulk(queues, BY, 'cancel', { state: 'running' })) {
    // Workers begin at the other end of the list.
    if (cancelled.length === 0) await begin(queues, references.slice(0, 150));
    cancelled.push(...batches.map(({ reference }) => reference));
  }
  expect(cancelled).toHaveLength(500);
  expect(new Set(cancelled)).toEqual(new Set(references));
});

it('a cancel of all that fit reaches those that go back into a set that was read already', async () => {
  const { queues } = openTestQueues();
  const { batches, link } = queues;
  const references = Array.from({ length: 300 }, (_, i) => `loan-${i}`);
  await plant(
    queues,
    references.map((reference) => ({ reference, addedAt: 2 })),
  );
  const cancelled: string[] = [];
  for await (const step of runBulk(queues, BY, 'cancel', { state: 'queued' })) {
    if (cancelled.length === 0) {
      // A worker that cannot begin them puts them off.
      for (const reference of references.slice(0, 20)) {
        await link.redis.lrem(batches.toKey('wait'), -1, `batch-${reference}`);
        await link.redis.zadd(batches.toKey('delayed'), 2, `batch-${reference}`);
      }
    }
    cancelled.push(...step.batches.map(({ reference }) => reference));
  }
  expect(cancelled).toHaveLength(300);
  expect(new Set(cancelled)).toEqual(new Set(references));
});

it('a bulk action stops where its signal says so, or its loop', async () => {
  const { queues } = openTestQueues();
  const { batches } = queues;
  await plant(queues, FAILED);
  const stopping = new AbortController();
  const steps = runBulk(
    queues,
    BY,
    'retry',
    { productType: 'LOAN_APP' },
    { signal: stopping.signal },
  );
  expect((await steps.next()).value).toMatchObject({ done: 20 });
  stopping.abort(new Error('enough'));
  await expect(steps.next()).rejects.toThrow('enough');
  expect(await batches.getWaitingCount()).toBe(20);
  for await (const { done } of runBulk(
    queues,
    BY,
    'retry',
    { productType: 'LOAN_APP' },
    { rate: 10_000 },
  )) {
    expect(done).toBe(25);
  }
  for await (const step of runBulk(
    queues,
    BY,
    'retry',
    { references: ['card-1', 'loan-x'] },
    { rate: 1 },
  )) {
    expect(step.batches).toEqual([{ status: 'retried', reference: 'card-1' }]);
    break;
  }
  expect(await batches.getFailedCount()).toBe(1);
});

/** Twenty calls of 100 ms read them: two seconds, where a part is read for half of one. */
const SLOW: PlantedBatch[] = Array.from({ length: 20 }, (_, i) => ({
  ...{ reference: `slow-${i}`, state: 'failed' },
}));

it('a preview ends in time, and says that it is not whole, however few batches fit', async () => {
  const { queues } = openTestQueues();
  const calls = await plantSlowSearch(queues, SLOW, 100);
  const told: boolean[] = [];
  const onProgress = () => void told.push(true);
  const preview = await previewBulk(queues, 'retry', { text: 'none' }, { maxMs: 300, onProgress });
  expect(preview).toMatchObject({ batches: 0, isWhole: false });
  expect(told.length).toBeGreaterThan(0);
  expect(calls()).toBeLessThan(SLOW.length);
  const whole = await previewBulk(queues, 'retry', { text: 'slow-9' });
  expect(whole).toMatchObject({ batches: 1, isWhole: true });
});

it('a bulk action and a preview of few of many batches end soon after their signal', async () => {
  const { queues } = openTestQueues();
  const calls = await plantSlowSearch(queues, SLOW, 100);
  const selection: BulkSelection = { text: 'none' };
  for (const ask of [
    (signal: AbortSignal) => run(queues, 'retry', selection, { signal }),
    (signal: AbortSignal) => previewBulk(queues, 'retry', selection, { signal }),
  ]) {
    const before = calls();
    const stopping = new AbortController();
    const asked = ask(stopping.signal);
    await Promise.all([
      expect(asked).rejects.toThrow('enough'),
      waitUntil('a first call', () => calls() > before).then(() =>
        stopping.abort(new Error('enough')),
      ),
    ]);
    expect(calls() - before).toBeLessThan(SLOW.length);
  }
});

it('an action whose preview has said until when reads no time of what waits once more', async () => {
  // ioredis takes what it is told of others' commands for a reply when they come before its own.
  const own = await startPrivateRedis();
  onTestFinished(() => own.stop());
  const { queues, redis } = openTestQueues({ ...testRedis(), url: own.url });
  await plant(queues, [{ reference: 'a' }, { reference: 'b' }]);
  const monitor = await redis.monitor();
  onTestFinished(() => monitor.disconnect());
  const seen: string[][] = [];
  monitor.on('monitor', (_time: string, args: string[]) => void seen.push(args));
  /** How many times of jobs that wait were read meanwhile. */
  const timesReadBy = async (work: () => Promise<unknown>) => {
    const before = seen.length;
    await work();
    await redis.echo(`${before}`);
    await waitUntil('the last command', () => seen.at(-1)?.[1] === `${before}`);
    return seen
      .slice(before)
      .filter(([name = '', , field]) => /^hget$/i.test(name) && field === 'timestamp').length;
  };
  const preview = (until?: Date) => previewBulk(queues, 'cancel', { state: 'queued', until });
  const { until } = await preview();
  const whole = await timesReadBy(() => preview());
  // The search itself reads times too.
  expect(await timesReadBy(() => preview(until))).toBe(whole - 2);
  // A time to come bounds nothing: what others add meanwhile would be met.
  const tomorrow = new Date(Date.now() + 86_400_000);
  expect(await timesReadBy(() => preview(tomorrow))).toBe(whole);
});

it('a preview is not whole where many sleep, of which one may wait for its first worker', async () => {
  const { queues } = openTestQueues();
  await plant(
    queues,
    Array.from({ length: 5001 }, (_, i) => ({ reference: `line-${i}`, state: 'in-line' })),
  );
  const queued = await previewBulk(queues, 'cancel', { state: 'queued' });
  expect(queued).toMatchObject({ batches: 0, isWhole: false });
  const inLine = await previewBulk(queues, 'cancel', { state: 'in-line' });
  expect(inLine).toMatchObject({ batches: 5001, isWhole: true });
});

it('what a bulk action is told of batches that it is not for is said before anything is done', async () => {
  const { queues } = openTestQueues();
  await expect(run(queues, 'retry', { state: 'completed' })).rejects.toThrow(
    'a batch that is completed is none for retry: state is one of failed, cancelled',
  );
  await expect(run(queues, 'retry', { state: 'failed' }, { rate: 0 })).rejects.toThrow(
    /rate is a number/,
  );
  await expect(run(queues, 'cancel', { references: [], state: 'queued' } as never)).rejects.toThrow(
    /references or a filter/,
  );
});

it.each<[action: BulkAction, means: string]>([
  ['retry', 'failed'],
  ['cancel', 'running'],
  ['redeliver', 'ended'],
])(
  'a %s of many that asks for nothing is refused, and says that %s means all',
  async (action, means) => {
    const { queues } = openTestQueues();
    await plant(queues, FAILED);
    for (const selection of [{}, { code: undefined, tenant: undefined }, { givenUp: false }])
      for (const ask of [run, previewBulk])
        await expect(ask(queues, action, selection as BulkSelection)).rejects.toThrow(
          `${action} which batches? Give references or a filter: { state: '${means}' } means all`,
        );
    // @ts-expect-error: the compiler refuses it too.
    await expect(previewBulk(queues, action, {})).rejects.toThrow('which batches?');
    const misspelt = { tenant: 'x', statee: 'failed' } as BulkSelection;
    await expect(run(queues, action, misspelt)).rejects.toThrow(
      /has no option statee; it has .*state/,
    );
    await expect(run(queues, action, undefined as never)).rejects.toThrow(/takes .* as an object/);
    expect(await queues.batches.getFailedCount()).toBe(47);
  },
);

it.each([
  ['two hours', Date.now() + 7_200_000],
  ['three hundred thousand years', 1e16],
])(
  'a clock that is ahead by %s makes no action mean what others add after its preview',
  async (_, addedAt) => {
    const { queues } = openTestQueues();
    await plant(queues, [
      { reference: 'broken', addedAt },
      { reference: 'seen', addedAt: Date.now() },
    ]);
    const { batches, until } = await previewBulk(queues, 'cancel', { state: 'queued' });
    expect(batches).toBe(1);
    const aheadMs = (until?.getTime() ?? Number.NaN) - (await redisTimeMs(queues.link.redis));
    expect(aheadMs).toBeLessThanOrEqual(60_001);
  },
);
