/** Stops and starts the sending of all batches. */
import { endPause, type Pause, readPause, setPause } from '../gate/pause-record.js';
import { MAX_REASON_LENGTH } from '../jobs/audit-record.js';
import { redisTimeMs } from '../redis/clock.js';
import type { ClientQueues } from './client-queues.js';

/** How long sending stops, and what people are told of it. */
export interface PauseOptions {
  /** When it ends by itself. Default: when somebody resumes. */
  until?: Date | undefined;
  /** Why. */
  reason?: string | undefined;
  /** Who. */
  by?: string | undefined;
}

export async function pauseSending(
  { link, prefix }: ClientQueues,
  { until, reason, by }: PauseOptions,
): Promise<Pause> {
  const cut = (text: string | undefined) => text?.slice(0, MAX_REASON_LENGTH) ?? null;
  const pause: Pause = {
    since: new Date(await redisTimeMs(link.redis)).toISOString(),
    until: until?.toISOString() ?? null,
    reason: cut(reason),
    by: cut(by),
  };
  await setPause(link.redis, prefix, pause);
  return pause;
}

/** @returns whether it was paused. */
export function resumeSending({ link, prefix }: ClientQueues): Promise<boolean> {
  return endPause(link.redis, prefix);
}

export function pauseOf({ link, prefix }: ClientQueues): Promise<Pause | null> {
  return readPause(link.redis, prefix);
}
