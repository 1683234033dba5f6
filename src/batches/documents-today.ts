/** How many documents go to Atlas by the day, and what is left of the quota. */
import { Calendar } from '../gate/calendar.js';
import { documentsSentKey, quotaUsedKey } from '../jobs/keys/gate-keys.js';
import { redisTimeMs } from '../redis/clock.js';
import type { ClientQueues } from './client-queues.js';

/** Of what the days are: as the workers have it. */
export interface Quota {
  ATLAS_MAX_DOCUMENTS_PER_DAY: number;
  QUOTA_TIMEZONE: string;
}

export interface DocumentsToday {
  /** Documents that Atlas took or may have taken. */
  sent: number;
  /** Null where there is no quota. What is admitted and about to be sent has left it. */
  quota: { most: number; left: number } | null;
}

/** By time zone: to find the end of a day takes longer than to ask Redis, so each finds it once a day. */
const calendars = new Map<string, Calendar>();

function dayIn(timeZone: string, now: number): string {
  const calendar = calendars.get(timeZone) ?? new Calendar({ now: Date.now }, timeZone);
  calendars.set(timeZone, calendar);
  return calendar.dayOf(now);
}

export async function readDocumentsToday(
  { link, prefix }: ClientQueues,
  { ATLAS_MAX_DOCUMENTS_PER_DAY: most, QUOTA_TIMEZONE }: Quota,
): Promise<DocumentsToday> {
  const now = await redisTimeMs(link.redis);
  const today = dayIn(QUOTA_TIMEZONE, now);
  const [count, [day, documents]] = await Promise.all([
    link.redis.hget(documentsSentKey(prefix), today),
    link.redis.hmget(quotaUsedKey(prefix), 'day', 'documents'),
  ]);
  const sent = Number(count ?? 0);
  if (most === 0) return { sent, quota: null };
  const used = day === today ? Number(documents ?? 0) : sent;
  return { sent, quota: { most, left: Math.max(0, most - used) } };
}
