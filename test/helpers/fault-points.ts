import pLimit from 'p-limit';
import { type System, type SystemOptions, startSystem, startTestS3 } from './system.js';
import { waitUntil } from './wait-until.js';

/** Most of a point's time is waiting for a lock to run out; this many at once keep two cores busy. */
const POINTS_AT_ONCE = 8;
const NEVER = 1_000_000;

/** How many writes to sockets a worker makes, from its start to its stop after one batch. */
async function countWrites(options: SystemOptions, documents: number): Promise<number> {
  const system = await startSystem(options);
  await system.submit('whole', documents);
  const worker = system.spawnFaultyWorker(NEVER, 'before', 'SIGKILL');
  await system.event('done-whole');
  worker.signal('SIGTERM');
  await worker.exited;
  const count = Number(/writes: (\d+)/.exec(worker.output())?.[1]);
  if (!(count > 0)) throw new Error(`the worker did not count its writes: ${worker.output()}`);
  return count;
}

/**
 * Tries every `step`-th write of a worker that carries one batch, each with a system of its own:
 * everything that the processors await lies between two of them.
 */
export async function atEveryWrite(
  options: SystemOptions,
  documents: number,
  step: number,
  attempt: (system: System, at: number) => Promise<void>,
): Promise<number> {
  const writes = await countWrites(options, documents);
  const points = Array.from({ length: Math.ceil(writes / step) }, (_, i) => 1 + i * step);
  const limit = pLimit(POINTS_AT_ONCE);
  const s3 = await startTestS3();
  await Promise.all(
    points.map((at) =>
      limit(async () => {
        try {
          await attempt(await startSystem({ ...options, s3 }), at);
        } catch (error) {
          throw new Error(`at write ${at} of ${writes}`, { cause: error });
        }
      }),
    ),
  );
  return points.length;
}

/** Waits until no job is on its way any more. */
export async function allJobsEnded({ batches }: System, count: number): Promise<void> {
  await waitUntil('the end of every job', async () => {
    const { completed = 0, failed = 0 } = await batches.getJobCounts('completed', 'failed');
    return completed + failed === count;
  });
}
