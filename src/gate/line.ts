/** What waits at the gate, for those who watch: no worker decides by it. */
import type { Redis } from 'ioredis';
import {
  gateKeys,
  gateOnKey,
  gateOutageKey,
  gatePauseKey,
  gateWaitsKey,
  quotaUsedKey,
} from '../jobs/keys/gate-keys.js';
import { PRIORITIES, type Priority } from '../jobs/request/request.js';
import { parseJson } from '../json.js';
import type { Pause } from './pause-record.js';

/** Why an upload waits in line, as it is told. */
export const LINE_REASONS = {
  limit: 'Atlas has as many documents as ATLAS_MAX_DOCUMENTS_IN_FLIGHT allows',
  quota: 'the next upload does not fit what is left of ATLAS_MAX_DOCUMENTS_PER_DAY today',
  pause: 'sending is paused',
  outage: 'no worker can send now: Atlas refuses the credentials, or does not answer',
} as const;

/** Why an upload waits in line. */
export type LineReason = keyof typeof LINE_REASONS;

/** What keeps the line from moving now, and until when, if that is known: ISO 8601 in UTC. */
export interface LineHold {
  why: LineReason;
  until: string | null;
}

/** Those in line that have one priority. */
export interface WaitingUploads {
  uploads: number;
  documents: number;
  /** Since the one asked that asked first; what it slept over errors since is in it. */
  oldestMs: number;
}

export interface Line {
  hold: LineHold;
  /** Uploads in line, of all priorities. */
  uploads: number;
  waiting: Readonly<Record<Priority, WaitingUploads>>;
  /** Documents at Atlas, as far as a gate was on when they were sent. */
  documentsInFlight: number;
  /** Of a worker that was there within the last minute; 0 when it has none. */
  limit: number;
}

/** Documents that may go to Atlas at once beside those in flight; null without a limit. */
export function roomLeft({ limit, documentsInFlight }: Line): number | null {
  return limit === 0 ? null : Math.max(0, limit - documentsInFlight);
}

export interface Places {
  hold: LineHold;
  /** Uploads in line, of all batches. */
  uploads: number;
  /** By member: 1 is the head. Null for one that is not in line. */
  places: (number | null)[];
}

/** Why the head of the line waits; null when nothing is in line. */
export async function whyLineWaits(redis: Redis, prefix: string): Promise<LineReason | null> {
  const [, , line = ''] = gateKeys(prefix);
  const [isThere, { why }] = await Promise.all([redis.exists(line), readHold(redis, prefix)]);
  return isThere === 1 ? why : null;
}

/** @param now Redis's time in ms. */
export async function readLine(redis: Redis, prefix: string, now: number): Promise<Line> {
  const [state = '', , line = ''] = gateKeys(prefix);
  const fields = PRIORITIES.map((priority) => `waiting-${priority}`);
  const [uploads, documents, on, hold, waits] = await Promise.all([
    redis.zcard(line),
    redis.hmget(state, 'documents', ...fields),
    redis.get(gateOnKey(prefix)),
    readHold(redis, prefix),
    Promise.all(
      PRIORITIES.map(async (priority) => {
        const key = gateWaitsKey(prefix, priority);
        const [count, [, since]] = await Promise.all([
          redis.zcard(key),
          redis.zrange(key, '0', '0', 'WITHSCORES'),
        ]);
        return { count, since };
      }),
    ),
  ]);
  const waiting = PRIORITIES.map((priority, i) => {
    const { count = 0, since } = waits[i] ?? {};
    const oldestMs = since === undefined ? 0 : Math.max(0, now - Number(since));
    return [priority, { uploads: count, documents: Number(documents[i + 1] ?? 0), oldestMs }];
  });
  return {
    hold,
    uploads,
    waiting: Object.fromEntries(waiting) as Line['waiting'],
    documentsInFlight: Number(documents[0] ?? 0),
    limit: Number(on ?? 0),
  };
}

export async function readPlaces(
  redis: Redis,
  prefix: string,
  members: readonly string[],
): Promise<Places> {
  const [, , line = ''] = gateKeys(prefix);
  const [hold, uploads, ranks] = await Promise.all([
    readHold(redis, prefix),
    redis.zcard(line),
    Promise.all(members.map((member) => redis.zrank(line, member))),
  ]);
  const places = ranks.map((rank) => (typeof rank === 'number' ? rank + 1 : null));
  return { hold, uploads, places };
}

async function readHold(redis: Redis, prefix: string): Promise<LineHold> {
  const [pause, outageAt, quotaUntil] = await Promise.all([
    redis.get(gatePauseKey(prefix)),
    redis.hget(gateOutageKey(prefix), 'at'),
    redis.hget(quotaUsedKey(prefix), 'until'),
  ]);
  if (pause !== null) return { why: 'pause', until: (parseJson(pause) as Pause).until };
  if (outageAt !== null) return { why: 'outage', until: null };
  if (quotaUntil === null) return { why: 'limit', until: null };
  return { why: 'quota', until: new Date(Number(quotaUntil)).toISOString() };
}
