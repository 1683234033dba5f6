/** Removes from Redis all that names a batch: its jobs with their logs, keys, members of sets, and entries of streams. */
import { batchJobId, TIMESTAMP_IN_LUA } from '../../jobs/ids.js';
import { deniedObjectsKey } from '../../jobs/keys/reading-keys.js';
import { begunKey, cancelledKey, outcomesKey, startedKey } from '../../jobs/keys/redis-keys.js';
import { BATCHES_QUEUE, QUEUES } from '../../jobs/queues.js';
import { LuaScript } from '../../redis/lua-script.js';
import { eraseEntries } from './erase-entries.js';
import { redactOrders, redactRelayed } from './erase-mentions.js';
import type { Traces } from './erase-scope.js';
import { findKeys, type KeySpace, SCANNED_AT_ONCE } from './find-traces.js';

/** What was removed. */
export interface RemovedKeys {
  jobs: number;
  /** Of ours, members of sets, and records of others that named it. */
  keys: number;
  /** Of event streams and of the stream of outcomes. */
  entries: number;
}

/** What was removed, and how much of `keys` were records of others: that somebody asked for a batch does not make it one. */
export type FoundAndRemoved = RemovedKeys & { mentions: number };

/**
 * KEYS the job, then the lists, sorted sets and sets of its queue, then sorted sets of ours. ARGV the job's id and,
 * where one of another time stays, its timestamp. It is done also under a lock: who holds it finds no job when it
 * comes back. Returns how many jobs it was, and in how many sets of ours.
 */
const REMOVE_JOB = new LuaScript<[jobs: number, members: number]>(`
local id, timestamp = ARGV[1], ARGV[2]
local found = redis.call('HGET', KEYS[1], 'timestamp')
if timestamp and found and string.match(found, ${TIMESTAMP_IN_LUA}) ~= timestamp then return {0, 0} end
for i = 2, 4 do redis.call('LREM', KEYS[i], 0, id) end
for i = 5, 9 do redis.call('ZREM', KEYS[i], id) end
redis.call('SREM', KEYS[10], id)
local members = 0
for i = 11, #KEYS do members = members + redis.call('ZREM', KEYS[i], id) end
return {redis.call('UNLINK', KEYS[1]), members}
`);
const LISTS = ['wait', 'paused', 'active'];
const SORTED_SETS = ['delayed', 'prioritized', 'waiting-children', 'completed', 'failed'];
const SETS = ['stalled'];
/** No job has it: any that is there is a later one. */
const NO_TIMESTAMP = 'none';

/** Removes what there is now. Removed twice, nothing is found the second time. */
export async function eraseKeys(space: KeySpace, traces: Traces): Promise<FoundAndRemoved> {
  const { redis, prefix } = space;
  const { scope, questions, orders, ...found } = await findKeys(space, traces);
  // Also what nobody found: a key may have come meanwhile.
  let [jobs, keys] = await removeBatch(space, traces);
  for (const { queue, id } of found.jobs)
    jobs += (await REMOVE_JOB.run(redis, keysOf(space, queue, id), [id]))[0];
  const relayed = await redactRelayed(space, scope);
  const mentions = relayed + (await redactOrders(space, traces, orders));
  keys += mentions;
  if (!scope.isUsedAgain) keys += await eraseQuestions(space, traces.reference, questions);
  for (let from = 0; from < found.keys.length; from += SCANNED_AT_ONCE)
    keys += await redis.unlink(...found.keys.slice(from, from + SCANNED_AT_ONCE));
  let entries = await eraseEntries(redis, outcomesKey(prefix), (fields) => {
    const { reference, eventId, eventJobId } = pairsOf(fields);
    const isOurs = reference === traces.reference && scope.hasOutcome(eventId);
    // Its event may be gone; what BullMQ has written of it is known by that.
    if (isOurs && eventJobId !== undefined) traces.eventJobIds.add(eventJobId);
    return isOurs;
  });
  for (const queue of QUEUES) {
    entries += await eraseEntries(redis, `${prefix}:${queue}:events`, (fields, entryId) => {
      const { jobId } = pairsOf(fields);
      return jobId !== undefined && scope.hasEntry(queue, jobId, entryId);
    });
  }
  return { jobs, keys, entries, mentions };
}

/** A later batch of the reference stays. */
async function removeBatch(space: KeySpace, { reference, timestamp }: Traces) {
  const { redis, prefix } = space;
  const id = batchJobId(reference);
  const ours = [cancelledKey(prefix), startedKey(prefix), begunKey(prefix)];
  const keys = [...keysOf(space, BATCHES_QUEUE, id), ...ours];
  // An object of it may be among them; workers ask anew for those of other batches.
  await redis.unlink(deniedObjectsKey(prefix));
  return REMOVE_JOB.run(redis, keys, [id, timestamp ?? NO_TIMESTAMP]);
}

function keysOf({ prefix }: KeySpace, queue: string, id: string): string[] {
  return [id, ...LISTS, ...SORTED_SETS, ...SETS].map((name) => `${prefix}:${queue}:${name}`);
}

/** What workers ask each other of its uploads: `<nonce> <reference>`. */
async function eraseQuestions(
  { redis }: KeySpace,
  reference: string,
  keys: readonly string[],
): Promise<number> {
  let removed = 0;
  for (const key of keys) {
    const ours = (await redis.smembers(key)).filter((one) => one.endsWith(` ${reference}`));
    if (ours.length > 0) removed += await redis.srem(key, ours);
  }
  return removed;
}

/** Names and values of an entry of a stream, which come in turn. */
function pairsOf(fields: readonly string[]): Partial<Record<string, string>> {
  const pairs: Record<string, string> = {};
  for (let i = 0; i + 1 < fields.length; i += 2) pairs[fields[i] ?? ''] = fields[i + 1] ?? '';
  return pairs;
}
