/** Stops and starts the sending of all batches. */
import { checkActor, checkOptions, readReason } from '../check-options.js';
import { UsageError } from '../errors.js';
import {
  endPause,
  type Pause,
  type PlainPause,
  readPause,
  setPause,
} from '../gate/pause-record.js';
import { redisTimeMs } from '../redis/clock.js';
import type { Audited } from './audit.js';
import type { ClientQueues } from './client-queues.js';

/** How long sending stops, and what people are told of it. */
export interface PauseOptions {
  /** When it ends by itself. Default: when somebody resumes. */
  until?: Date | undefined;
  /** Instead of `until`: after how many milliseconds it ends, by the clock of Redis. */
  forMs?: number | undefined;
  /** Why. */
  reason?: string | undefined;
  /** Who. */
  by?: string | undefined;
}

/** @throws UsageError for what is no pause, as far as it is known without the clock of Redis. */
export function checkPause(options: PauseOptions): void {
  checkOptions('pause', options, ['until', 'forMs', 'reason', 'by']);
  const { until, forMs, reason, by } = options;
  checkActor('by', by);
  readReason('the reason of a pause', reason);
  if (forMs !== undefined && !Number.isFinite(forMs))
    throw new UsageError('forMs must be a number of milliseconds');
  if (until !== undefined && !(until instanceof Date && Number.isFinite(until.getTime())))
    throw new UsageError('until must be a Date');
  if (until !== undefined && forMs !== undefined)
    throw new UsageError('a pause has until or forMs, not both');
}

/** Longer than anybody plans a pause: so a mistyped unit is seen. */
const MAX_PAUSE_MS = 366 * 24 * 3600 * 1000;

/**
 * The pause that somebody wants, from now on. Now is what Redis says: the clock of who asks may be wrong.
 * @throws UsageError for one that is over, since it would be none, and for one that is too long.
 */
export async function planPause(
  { link }: ClientQueues,
  { until, forMs, reason, by }: PauseOptions,
): Promise<PlainPause> {
  const now = Math.floor(await redisTimeMs(link.redis));
  const leftMs = until === undefined ? forMs : until.getTime() - now;
  const isTime = until !== undefined;
  if (leftMs !== undefined && leftMs <= 0)
    throw new UsageError(isTime ? 'until must be in the future' : 'forMs must be more than 0');
  if (leftMs !== undefined && leftMs > MAX_PAUSE_MS) {
    const within = isTime ? 'until must be within a year' : 'forMs must be a year at most';
    throw new UsageError(`${within}, or left out`);
  }
  return {
    since: new Date(now).toISOString(),
    until: leftMs === undefined ? null : new Date(now + leftMs).toISOString(),
    reason: readReason('the reason of a pause', reason) ?? null,
    by: by ?? null,
  };
}

export function pauseSending({ link, prefix }: ClientQueues, pause: PlainPause): Promise<Pause> {
  return setPause(link.redis, prefix, pause);
}

/** What is written down of one that has begun. The reason of another has its own record. */
export function describePaused({ until, by, replaced }: Pause): Audited {
  const before = replaced && { since: replaced.since, by: replaced.by };
  return { outcome: 'paused', details: { until, by, replaced: before } };
}

/** @returns whether it was paused. */
export function resumeSending({ link, prefix }: ClientQueues): Promise<boolean> {
  return endPause(link.redis, prefix);
}

export function pauseOf({ link, prefix }: ClientQueues): Promise<Pause | null> {
  return readPause(link.redis, prefix);
}
