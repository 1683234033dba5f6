/**
 * Whether Atlas calls. A worker counts each upload that its polls found complete without a callback, and
 * whoever gets a callback begins again at nothing. Some in a row mean that Atlas has stopped calling: polls are
 * then made at the times that the policy has learnt, as if there were no callbacks.
 */
import type { Redis } from 'ioredis';
import { callbacksMissedKey } from '../jobs/keys/redis-keys.js';

/** One may be late, and two may come to the same poll. */
const SILENT_AFTER = 3;
/** Nobody knows after a day without batches. */
const KEPT_MS = 86_400_000;

export interface CallbackSilence {
  /** Uploads that were found complete without a callback, since the last one. */
  missed: number;
  /** When the first of them was found, Redis time in ms. */
  since: number;
}

/** An upload was found complete, and no callback had told of it. */
export async function noteMissedCallback(redis: Redis, prefix: string, now: number): Promise<void> {
  const key = callbacksMissedKey(prefix);
  await redis
    .multi()
    .hincrby(key, 'missed', 1)
    .hsetnx(key, 'since', Math.floor(now))
    .pexpire(key, KEPT_MS)
    .exec();
}

/** Atlas has called. */
export async function noteCallback(redis: Redis, prefix: string): Promise<void> {
  await redis.del(callbacksMissedKey(prefix));
}

/** The fields of the key, in the order in which they are asked for. */
export const SILENCE_FIELDS = ['missed', 'since'] as const;

/** Null while Atlas calls, as far as is known. */
export function silenceOf(fields: readonly (string | null)[]): CallbackSilence | null {
  const [missed, since] = fields.map(Number);
  if (!missed || missed < SILENT_AFTER) return null;
  return { missed, since: since ?? 0 };
}
