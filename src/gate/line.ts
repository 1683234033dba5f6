/** What waits at the gate, for those who watch: no worker decides by it. */
import type { Redis } from 'ioredis';
import {
  gateKeys,
  gateOnKey,
  gateOutageKey,
  gatePauseKey,
  gateUnknownKey,
  gateWaitsKey,
  quotaUsedKey,
} from '../jobs/keys/gate-keys.js';
import { PRIORITIES, type Priority } from '../jobs/request/request.js';
import { parseJson } from '../json.js';
import { plural } from '../plural.js';
import type { Pause } from './pause-record.js';

/** Why an upload waits in line, as it is told. */
export const LINE_REASONS = {
  limit: 'Atlas has as many documents as ATLAS_MAX_DOCUMENTS_IN_FLIGHT allows',
  quota: 'the next upload does not fit what is left of ATLAS_MAX_DOCUMENTS_PER_DAY today',
  pause: 'sending is paused',
  outage: 'no worker can send now: Atlas refuses the credentials, or does not answer',
  worker: 'nothing holds it: it goes to Atlas as soon as a worker that can send has a place for it',
} as const;

/** Of a batch whose uploads were let go, and which no worker has taken yet. */
export const TURN_HAS_COME = 'its turn has come: it goes as soon as a worker has a place for it';

/** Why an upload waits in line. */
export type LineReason = keyof typeof LINE_REASONS;

/** Uploads at the gate of which nobody knows whether Atlas has them. */
export interface UnknownDocuments {
  /** Of those that may be at Atlas: so many keep their room though nobody awaits them. */
  documents: number;
  /** When the first of them give it back, ISO 8601 in UTC; sooner where their batch ends. */
  until: string;
}

/** What keeps the line from moving now, and until when, if that is known: ISO 8601 in UTC. */
export interface LineHold {
  why: LineReason;
  until: string | null;
  /** Where it is the limit, and some of the room is kept by these. */
  unknown?: UnknownDocuments | undefined;
}

/** Why the line does not move, for people. */
export function describeHold({ why, unknown }: LineHold): string {
  if (!unknown) return LINE_REASONS[why];
  const documents = plural(unknown.documents, 'document');
  return `${LINE_REASONS[why]}; nobody knows whether it has ${documents} of them, the first of which keep their room until ${unknown.until}`;
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
  const [state = ''] = gateKeys(prefix);
  const [pause, outageAt, quotaUntil, documents, [, unknownUntil]] = await Promise.all([
    redis.get(gatePauseKey(prefix)),
    redis.hget(gateOutageKey(prefix), 'at'),
    redis.hget(quotaUsedKey(prefix), 'until'),
    redis.hget(state, 'unknown'),
    redis.zrange(gateUnknownKey(prefix), '0', '0', 'WITHSCORES'),
  ]);
  if (pause !== null) return { why: 'pause', until: (parseJson(pause) as Pause).until };
  if (outageAt !== null) return { why: 'outage', until: null };
  if (quotaUntil !== null)
    return { why: 'quota', until: new Date(Number(quotaUntil)).toISOString() };
  if (!(await isFull(redis, prefix))) return { why: 'worker', until: null };
  if (unknownUntil === undefined) return { why: 'limit', until: null };
  const until = new Date(Number(unknownUntil)).toISOString();
  return { why: 'limit', until: null, unknown: { documents: Number(documents ?? 0), until } };
}

/** Whether the head of the line is larger than the room that is left. */
async function isFull(redis: Redis, prefix: string): Promise<boolean> {
  const [state = '', , line = '', sizes = ''] = gateKeys(prefix);
  const [limit, documents, [head]] = await Promise.all([
    redis.get(gateOnKey(prefix)),
    redis.hget(state, 'documents'),
    redis.zrange(line, '0', '0'),
  ]);
  const [bound, inFlight] = [Number(limit ?? 0), Number(documents ?? 0)];
  if (bound === 0 || inFlight === 0) return false;
  const size = head === undefined ? 0 : Number((await redis.hget(sizes, head)) ?? 0);
  return inFlight + size > bound;
}
