/** Finds the keys that name a batch. Every key under the prefix is visited, for some are known to nobody any more. */
import type { Redis } from 'ioredis';
import { readOwner } from '../../jobs/atlas-batch-owner.js';
import {
  atlasBatchIdOfPoll,
  batchJobId,
  isEventJobOf,
  POLL_ID_PREFIX,
  pollJobId,
  timeOfWatch,
} from '../../jobs/ids.js';
import { ownerKey } from '../../jobs/keys/redis-keys.js';
import { BATCHES_QUEUE, POLLS_QUEUE, QUEUES } from '../../jobs/queues.js';
import { isObject, parseJson } from '../../json.js';
import { redisTimeMs } from '../../redis/clock.js';
import { EraseScope, type Traces } from './erase-scope.js';

/** Where the keys are. */
export interface KeySpace {
  redis: Redis;
  prefix: string;
}

/** A job by its queue. */
export interface QueuedJob {
  queue: string;
  id: string;
}

export interface FoundKeys {
  scope: EraseScope;
  /** All but the batch itself. */
  jobs: QueuedJob[];
  /** Logs and the like of those jobs, and keys of ours. */
  keys: string[];
  /** Records of what operators have asked for of many batches; any of them may name it. */
  orders: string[];
  /** Sets of questions that workers ask each other. */
  questions: string[];
}

/** Keys of one round trip. */
export const SCANNED_AT_ONCE = 1000;
/** What BullMQ keeps beside a poll job; its logs stay when it is pruned. */
const BESIDE_A_JOB = ['logs', 'lock', 'processed', 'dependencies', 'failed', 'unsuccessful'];
/** Kinds of keys of ours that are found by what they hold. */
const OWNER = 'owner';
const RECEIPTS_WANTED = 'receipts-wanted';
const BULK = 'bulk';

/** What may be the batch's, by its name or what it names. */
interface Candidates {
  /** Jobs of events and watches, and what is beside them. */
  named: (QueuedJob & { key: string })[];
  /** Logs and the like of the batch job, flags and receipts. */
  ofReference: string[];
  orders: string[];
  questions: string[];
}

/**
 * Poll jobs are found by their parent. Those that were pruned have left their logs, and a key that says
 * whose the Atlas batch was.
 */
export async function findKeys(space: KeySpace, traces: Traces): Promise<FoundKeys> {
  const { prefix } = space;
  const { named, ofReference, orders, questions } = await visitAll(space, traces);
  // Asked after the visit: what was found of the reference while nobody had used it again is not of a later batch.
  const scope = await readScope(space, traces);
  await keepOwnAtlasBatches(space, scope);
  const jobs: QueuedJob[] = [];
  const keys = scope.isUsedAgain ? [] : ofReference;
  for (const { key, queue, id } of named) {
    if (!(await isOfBatch(space, scope, { queue, id }))) continue;
    if (key === `${prefix}:${queue}:${id}`) jobs.push({ queue, id });
    else keys.push(key);
  }
  for (const atlasBatchId of traces.atlasBatchIds) {
    const id = pollJobId(atlasBatchId);
    jobs.push({ queue: POLLS_QUEUE, id });
    keys.push(ownerKey(prefix, atlasBatchId));
    keys.push(...BESIDE_A_JOB.map((name) => `${prefix}:${POLLS_QUEUE}:${id}:${name}`));
  }
  return { scope, jobs, keys, orders, questions };
}

async function visitAll(space: KeySpace, traces: Traces): Promise<Candidates> {
  const { redis, prefix } = space;
  const { reference, atlasBatchIds } = traces;
  const found: Candidates = { named: [], ofReference: [], orders: [], questions: [] };
  const parent = `${prefix}:${BATCHES_QUEUE}:${batchJobId(reference)}`;
  await visitKeys(space, async (page) => {
    const polls: { key: string; id: string }[] = [];
    const owners: string[] = [];
    for (const key of page) {
      const [kind = '', id = '', ...rest] = key.slice(prefix.length + 1).split(':');
      if (kind === POLLS_QUEUE && rest.length === 0 && id.startsWith(POLL_ID_PREFIX))
        polls.push({ key, id });
      else if (kind === BATCHES_QUEUE && id === batchJobId(reference)) {
        if (rest.length > 0) found.ofReference.push(key);
      } else if (isNamedAfter(reference, kind, id)) found.named.push({ key, queue: kind, id });
      else if (kind === RECEIPTS_WANTED) found.questions.push(key);
      else if (kind === OWNER) owners.push(key);
      else if (kind === BULK) found.orders.push(key);
      else if (id === reference && !QUEUES.includes(kind)) found.ofReference.push(key);
    }
    const parents = await Promise.all(polls.map(({ key }) => redis.hget(key, 'parentKey')));
    for (const [i, { id }] of polls.entries())
      if (parents[i] === parent) atlasBatchIds.add(atlasBatchIdOfPoll(id));
    const values = owners.length > 0 ? await redis.mget(owners) : [];
    for (const [i, key] of owners.entries())
      if (readOwner(values[i] ?? null)?.reference === reference)
        atlasBatchIds.add(key.slice(ownerKey(prefix, '').length));
  });
  return found;
}

/** Whether it is an event or a watch, or beside one. */
function isNamedAfter(reference: string, queue: string, id: string): boolean {
  if (queue === POLLS_QUEUE) return timeOfWatch(reference, id) !== null;
  return QUEUES.includes(queue) && isEventJobOf(reference, id);
}

/** What is the batch's now. */
export async function readScope({ redis, prefix }: KeySpace, traces: Traces): Promise<EraseScope> {
  const at = Math.floor(await redisTimeMs(redis));
  const key = `${prefix}:${BATCHES_QUEUE}:${batchJobId(traces.reference)}`;
  const timestamp = await redis.hget(key, 'timestamp');
  // As BullMQ reads it: whole milliseconds.
  const whole = timestamp === null ? null : Math.floor(Number(timestamp));
  return new EraseScope(traces, { at, timestamp: whole });
}

/** An Atlas batch that Atlas gave this batch too stays with whom it was before. */
async function keepOwnAtlasBatches({ redis, prefix }: KeySpace, scope: EraseScope): Promise<void> {
  const { atlasBatchIds, reference } = scope.traces;
  for (const atlasBatchId of atlasBatchIds) {
    const poll = `${prefix}:${POLLS_QUEUE}:${pollJobId(atlasBatchId)}`;
    const data = parseJson((await redis.hget(poll, 'data')) ?? '');
    const owner = isObject(data)
      ? { reference: data.reference, timestamp: data.batchTimestamp }
      : readOwner(await redis.get(ownerKey(prefix, atlasBatchId)));
    if (owner === null) continue;
    if (owner.reference !== reference || !scope.hasBatch(owner.timestamp))
      atlasBatchIds.delete(atlasBatchId);
  }
}

async function isOfBatch(
  { redis, prefix }: KeySpace,
  scope: EraseScope,
  { queue, id }: QueuedJob,
): Promise<boolean> {
  const { traces } = scope;
  if (queue === POLLS_QUEUE) return scope.hasWatch(id);
  const job = parseJson((await redis.hget(`${prefix}:${queue}:${id}`, 'data')) ?? '');
  if (!isObject(job)) return traces.eventJobIds.has(id) || scope.isAll;
  // A webhook has the event in its body.
  const { eventId } = isObject(job.data) ? job.data : job;
  const isOurs = scope.hasOutcome(eventId);
  if (isOurs) traces.eventJobIds.add(id);
  return isOurs;
}

async function visitKeys(
  { redis, prefix }: KeySpace,
  visit: (keys: string[]) => Promise<void>,
): Promise<void> {
  const pattern = `${prefix.replaceAll(/[[\]*?\\^]/g, '\\$&')}:*`;
  let cursor = '0';
  do {
    const [next, keys] = await redis.scan(cursor, 'MATCH', pattern, 'COUNT', SCANNED_AT_ONCE);
    cursor = next;
    await visit(keys);
  } while (cursor !== '0');
}
