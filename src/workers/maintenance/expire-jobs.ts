/**
 * Removes jobs by the clock. BullMQ removes an ended job only when another job of its queue ends the
 * same way, and then in one script whatever their number. An event that nobody took has no time to live
 * of its own, and a queue without consumers must not fill Redis. Any number of workers may do this at
 * once: all of them remove the same jobs.
 */
import { Queue } from 'bullmq';
import { keepPollSeconds } from '../../config/config.js';
import { outcomesKey } from '../../jobs/keys/redis-keys.js';
import {
  BATCHES_QUEUE,
  COMPLETIONS_QUEUE,
  POLLS_QUEUE,
  WEBHOOKS_QUEUE,
} from '../../jobs/queues.js';
import { createRepeatedWarnings } from '../../logging/repeated-lines.js';
import type { WorkerContext } from '../context.js';

/** A job is removed at most a tenth of its life late. */
const EXPIRIES_PER_LIFE = 10;
/** Ended jobs come fast: in a flood some thousands more than allowed are kept for so long. */
const MAX_ENDED_INTERVAL_MS = 5000;
/** Each search among events writes one entry to a stream of BullMQ. */
const MAX_UNTAKEN_INTERVAL_MS = 3_600_000;
/** Jobs that one script removes, about 10 ms of Redis. More would hold everybody up. */
const EXPIRY_LIMIT = 1000;
/** Of each interval, so that Redis has time for others: twice as many jobs as can end in it. */
const MAX_STEPS = 20;

/** An outcome is of no use when its event is gone, and names a batch. */
async function trimOutcomes({ redis, config, clock }: WorkerContext): Promise<void> {
  const until = Math.floor(clock.now() - config.COMPLETIONS_TTL_MS);
  await redis.xtrim(outcomesKey(config.QUEUE_PREFIX), 'MINID', String(until));
}

interface EndedJobs {
  queue: Queue;
  state: 'completed' | 'failed';
  keepMs: number;
  /** Default: any number. */
  keepCount?: number;
}

export function startExpiry(context: WorkerContext): { stop(): void } {
  const { completions, webhooks, config, logger, writes } = context;
  const warn = createRepeatedWarnings(logger);
  const untakenMs = config.COMPLETIONS_TTL_MS;
  const ended = endedJobs(context);
  const expireEnded = async () => {
    for (const jobs of ended) await removeEnded(context, jobs);
  };
  // A webhook that is on takes its events itself; what one left that was switched off, nobody does.
  const queues = config.COMPLETION_WEBHOOK_URL === null ? [completions, webhooks] : [completions];
  const expireUntaken = async () => {
    await trimOutcomes(context);
    for (const queue of queues) {
      for (const state of UNTAKEN_STATES) {
        // BullMQ writes to a stream of the queue even when nothing is there to be removed.
        if ((await queue.getJobCountByTypes(state)) > 0) await removeUntaken(context, queue, state);
      }
    }
  };
  const every = (lifeMs: number, maxMs: number, expire: () => Promise<void>) => {
    const run = () =>
      expire().catch((error) => {
        if (!writes.notice(error)) warn(error, 'what is kept for long enough was not removed');
      });
    return setInterval(run, Math.min(lifeMs / EXPIRIES_PER_LIFE, maxMs)).unref();
  };
  const shortestMs = Math.min(...ended.map(({ keepMs }) => keepMs));
  const timers = [
    every(shortestMs, MAX_ENDED_INTERVAL_MS, expireEnded),
    every(untakenMs, MAX_UNTAKEN_INTERVAL_MS, expireUntaken),
  ];
  return {
    stop() {
      for (const timer of timers) clearInterval(timer);
    },
  };
}

/**
 * One whose handler failed is delayed, and comes back only when there is a consumer; so does one that died with its
 * consumer: it is active, without a lock. Somebody may have given one a priority by hand.
 */
const UNTAKEN_STATES = ['wait', 'prioritized', 'delayed', 'active'] as const;

/** Removes all events of a queue that nobody has taken for as long as they are kept. */
export async function removeUntaken(
  {
    config,
    clock,
    logger,
    stopping,
  }: Pick<WorkerContext, 'config' | 'clock' | 'logger' | 'stopping'>,
  queue: Queue,
  state: (typeof UNTAKEN_STATES)[number],
): Promise<void> {
  let removed: string[];
  do {
    removed = await removeOlder(queue, state, clock.now() - config.COMPLETIONS_TTL_MS);
    if (removed.length > 0) {
      const fields = { queue: queue.name, removed: removed.length };
      logger.warn(fields, 'completion events that nobody took were removed');
    }
    // Fewer than were asked for may be removed while there are others: young ones stand among them.
  } while (removed.length > 0 && !stopping.aborted);
}

/**
 * Removes ended jobs of which a worker that starts keeps no more, or no longer. A Redis that is full takes
 * nothing else, and who configured less to be kept has it for that.
 */
export async function makeRoom(
  context: Pick<WorkerContext, 'config' | 'redis' | 'clock' | 'stopping'>,
): Promise<void> {
  const { redis: connection, config } = context;
  const options = { connection, prefix: config.QUEUE_PREFIX, skipMetasUpdate: true };
  const queues = {
    batches: new Queue(BATCHES_QUEUE, options),
    pollJobs: new Queue(POLLS_QUEUE, options),
    completions: new Queue(COMPLETIONS_QUEUE, options),
    webhooks: new Queue(WEBHOOKS_QUEUE, options),
  };
  // A command that fails throws: the queue's event would report it a second time.
  for (const queue of Object.values(queues)) queue.on('error', () => {});
  try {
    for (const jobs of endedJobs({ config, ...queues })) await removeEnded(context, jobs);
  } finally {
    await Promise.all(Object.values(queues).map((queue) => queue.close()));
  }
}

function endedJobs({
  config,
  batches,
  pollJobs,
  completions,
  webhooks,
}: Pick<
  WorkerContext,
  'config' | 'batches' | 'pollJobs' | 'completions' | 'webhooks'
>): EndedJobs[] {
  const keepCount = config.KEEP_COMPLETED_COUNT;
  const completedMs = config.KEEP_COMPLETED_SECONDS * 1000;
  const failedMs = config.KEEP_FAILED_SECONDS * 1000;
  const pollMs = keepPollSeconds(config) * 1000;
  const eventMs = config.COMPLETIONS_TTL_MS;
  return [
    { queue: batches, state: 'completed', keepMs: completedMs, keepCount },
    { queue: batches, state: 'failed', keepMs: failedMs },
    { queue: pollJobs, state: 'completed', keepMs: pollMs },
    { queue: pollJobs, state: 'failed', keepMs: pollMs },
    ...[completions, webhooks].flatMap((queue): EndedJobs[] => [
      { queue, state: 'completed', keepMs: eventMs, keepCount },
      { queue, state: 'failed', keepMs: eventMs },
    ]),
  ];
}

async function removeEnded(
  { redis, clock, stopping }: Pick<WorkerContext, 'redis' | 'clock' | 'stopping'>,
  { queue, state, keepMs, keepCount = Number.POSITIVE_INFINITY }: EndedJobs,
): Promise<void> {
  const key = queue.toKey(state);
  for (let step = 0; step < MAX_STEPS && !stopping.aborted; step += 1) {
    // Both are times, which do not move when another worker removes jobs meanwhile.
    const [, beyondCount = 0] = Number.isFinite(keepCount)
      ? await redis.zrevrange(key, keepCount, keepCount, 'WITHSCORES')
      : [];
    const agedUntil = clock.now() - keepMs;
    const until = Math.max(agedUntil, Number(beyondCount));
    // As many as stand up to there, and not all that have ended in the millisecond of the last one.
    const tooMany = (await redis.zcard(key)) - keepCount;
    const aged = await redis.zcount(key, '-inf', agedUntil);
    // BullMQ writes to a stream of the queue even when nothing is there to be removed.
    const removable = Math.min(Math.max(tooMany, aged), EXPIRY_LIMIT);
    if (removable <= 0) return;
    await removeOlder(queue, state, until, removable);
    if (removable < EXPIRY_LIMIT) return;
  }
}

/** @param until Redis time in ms. `Queue.clean` would take the host's clock. */
function removeOlder(
  queue: Queue,
  state: string,
  until: number,
  limit = EXPIRY_LIMIT,
): Promise<string[]> {
  return queue.backend.cleanJobsByState(state, until, limit);
}
