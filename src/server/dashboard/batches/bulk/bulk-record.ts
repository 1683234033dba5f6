/** What is kept of an action on many batches that somebody has begun on a page. */
import { randomUUID } from 'node:crypto';
import type { Audited } from '../../../../batches/audit.js';
import type { BulkAction } from '../../../../batches/bulk/selection.js';
import type { ClientQueues } from '../../../../batches/client-queues.js';
import { bulkKey, bulksKey } from '../../../../jobs/keys/redis-keys.js';
import { parseJson } from '../../../../json.js';
import { LuaScript } from '../../../../redis/lua-script.js';

/** What was asked for; it never changes. */
export interface BulkOrder {
  id: string;
  action: BulkAction;
  /** What it is done to, one by one. */
  of: 'batches' | 'events';
  /** How many were to be met, as it was at the start. */
  total: number;
  /** How many a second; null for as fast as can be. */
  rate: number | null;
  /** What somebody gave: for the audit log, and the events of batches that are cancelled. */
  reason?: string | undefined;
  /** Who. */
  by: string;
  /** Milliseconds since 1970, by the clock of Redis. */
  startedAt: number;
  /** Which batches, in words. */
  which: string;
}

/** `lost`: the server that did it is gone. `stopped`: that server was stopped. */
export type BulkState = 'running' | 'done' | 'aborted' | 'stopped' | 'failed' | 'lost';

export interface BulkRecord extends BulkOrder {
  state: BulkState;
  done: number;
  changed: number;
  /** When something was heard of it last. */
  at: number;
}

/** As long as a failed batch is kept by default. */
const KEPT_MS = 7 * 24 * 3_600_000;
/** More are not shown, and forgotten. */
const KEPT = 20;
/** Who does it writes every half second. */
const LOST_AFTER_MS = 15_000;

/**
 * KEYS the record and the index. ARGV who starts it, the order, when it starts, its id, how many ms both are kept, and the
 * last place in the index of those that are not. In one script, so that whoever finds the record finds all of it.
 */
const CREATE = new LuaScript<0 | 1>(`
local starter = redis.call('HGET', KEYS[1], 'starter')
if starter then return starter == ARGV[1] and 1 or 0 end
if redis.call('EXISTS', KEYS[1]) == 1 then return 0 end
redis.call('HSET', KEYS[1], 'starter', ARGV[1], 'order', ARGV[2], 'state', 'running', 'done', 0, 'changed', 0, 'at', ARGV[3])
redis.call('PEXPIRE', KEYS[1], ARGV[5])
redis.call('ZADD', KEYS[2], ARGV[3], ARGV[4])
redis.call('ZREMRANGEBYRANK', KEYS[2], 0, ARGV[6])
redis.call('PEXPIRE', KEYS[2], ARGV[5])
return 1
`);

/** @returns whether it was not there: else somebody has started this action already, here or in another server. */
export async function createRecord(
  { link, prefix }: ClientQueues,
  order: BulkOrder,
): Promise<boolean> {
  const { id, startedAt } = order;
  // The connection sends a command again whose reply was lost: it must not be told that another one came first.
  const starter = randomUUID();
  const keys = [bulkKey(prefix, id), bulksKey(prefix)];
  const args = [starter, JSON.stringify(order), startedAt, id, KEPT_MS, -KEPT - 1];
  return (await CREATE.run(link.redis, keys, args)) === 1;
}

/** @returns whether somebody has asked for its end. */
export async function updateRecord(
  { link, prefix }: ClientQueues,
  id: string,
  progress: Pick<BulkRecord, 'state' | 'done' | 'changed' | 'at'>,
): Promise<boolean> {
  const key = bulkKey(prefix, id);
  const [, wanted] = await Promise.all([
    link.redis.hset(key, progress),
    link.redis.hget(key, 'abort'),
  ]);
  return wanted !== null;
}

/** In one script, for the record may expire meanwhile, and must not come back. */
const REQUEST_ABORT = new LuaScript<0 | 1>(`
if redis.call('HGET', KEYS[1], 'state') ~= 'running' then return 0 end
redis.call('HSET', KEYS[1], 'abort', '1')
return 1
`);

/**
 * Asks whoever does it to end.
 * @returns What the audit log has of it. `details` say of whose action, for somebody else may end it.
 */
export async function requestAbort(
  queues: ClientQueues,
  id: string,
  now: number,
): Promise<Audited> {
  const record = await readRecord(queues, id, now);
  if (record === null) return { outcome: 'unknown', details: { run: id } };
  const { action, by } = record;
  const isAsked = await REQUEST_ABORT.run(queues.link.redis, [bulkKey(queues.prefix, id)], []);
  return { outcome: isAsked === 1 ? 'aborting' : 'ended', details: { run: id, action, by } };
}

/** Null when it is not known, or no longer kept. */
export async function readRecord(
  { link, prefix }: ClientQueues,
  id: string,
  now: number,
): Promise<BulkRecord | null> {
  const fields = ['order', 'state', 'done', 'changed', 'at'];
  const [order, state, done, changed, at] = await link.redis.hmget(bulkKey(prefix, id), ...fields);
  if (!order) return null;
  const isLost = state === 'running' && now - Number(at) > LOST_AFTER_MS;
  return {
    ...(parseJson(order) as BulkOrder),
    state: isLost ? 'lost' : (state as BulkState),
    done: Number(done),
    changed: Number(changed),
    at: Number(at),
  };
}

/** The latest first. */
export async function readRecords(queues: ClientQueues, now: number): Promise<BulkRecord[]> {
  const ids = await queues.link.redis.zrevrange(bulksKey(queues.prefix), '0', `${KEPT - 1}`);
  const records = await Promise.all(ids.map((id) => readRecord(queues, id, now)));
  return records.filter((record) => record !== null);
}
