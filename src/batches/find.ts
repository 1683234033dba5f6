/**
 * Finds batches by a reference, an Atlas batch id, a document id or a part of a reference. The first
 * two lead straight to the batch. For the others the batches themselves are read, the newest first,
 * within bounds; the result says how far the search came.
 */
import { readOwner } from '../jobs/atlas-batch-owner.js';
import { batchJobId, comparableId, pollJobId, REFERENCE_PATTERN } from '../jobs/ids.js';
import { ownerKey } from '../jobs/redis-keys.js';
import { parseJson } from '../json.js';
import type { ClientQueues } from './client-queues.js';
import { ALL_TYPES, idsFrom } from './list.js';

/** Bounds of one search: its time, its jobs and the bytes that are read. */
const MAX_MS = 1500;
const MAX_JOBS = 50_000;
const MAX_BYTES = 64 * 1024 * 1024;
/** Jobs read in one round trip: a few at first, then as many as fit. One job may have a megabyte. */
const FIRST_CHUNK = 50;
const MAX_CHUNK = 1000;
const CHUNK_BYTES = 2 * 1024 * 1024;
const MAX_FOUND = 25;

export type SearchResult =
  | { kind: 'exact'; reference: string }
  | {
      kind: 'list';
      jobIds: string[];
      /** Batches searched so far, of how many there are. */
      searched: number;
      total: number;
      /** From where to go on; null at the end. */
      next: number | null;
    };

/** @param from Batches that an earlier part of this search has searched. */
export async function searchBatches(
  queues: ClientQueues,
  text: string,
  from: number,
): Promise<SearchResult> {
  const reference = from === 0 ? await findDirectly(queues, text) : null;
  return reference === null ? searchThrough(queues, text, from) : { kind: 'exact', reference };
}

async function findDirectly(
  { batches, pollJobs, link, prefix }: ClientQueues,
  text: string,
): Promise<string | null> {
  if (REFERENCE_PATTERN.test(text) && (await batches.getJob(batchJobId(text)))) return text;
  const poll = await pollJobs.getJob(pollJobId(text));
  const owner = poll?.data ?? readOwner(await link.redis.get(ownerKey(prefix, text)));
  return owner?.reference ?? null;
}

async function searchThrough(
  queues: ClientQueues,
  text: string,
  from: number,
): Promise<SearchResult> {
  const { batches, link } = queues;
  const counts = await batches.getJobCounts(...ALL_TYPES);
  const total = Object.values(counts).reduce((sum, count) => sum + count, 0);
  const until = performance.now() + MAX_MS;
  const jobIds: string[] = [];
  let searched = from;
  let bytes = 0;
  let chunk = FIRST_CHUNK;
  for (;;) {
    const ids = await idsFrom(queues, ALL_TYPES, searched, chunk);
    if (ids.length === 0) return { kind: 'list', jobIds, searched, total, next: null };
    const pipeline = link.redis.pipeline();
    for (const id of ids) pipeline.hget(batches.toKey(id), 'data');
    const replies = (await pipeline.exec()) ?? [];
    for (const [i, id] of ids.entries()) {
      const data = replies[i]?.[1];
      bytes += typeof data === 'string' ? data.length : 0;
      if (matches(id, data, text)) jobIds.push(id);
    }
    searched += ids.length;
    const fitting = Math.floor((CHUNK_BYTES * (searched - from)) / Math.max(1, bytes));
    chunk = Math.min(MAX_CHUNK, Math.max(1, fitting));
    const enough =
      jobIds.length >= MAX_FOUND ||
      searched - from >= MAX_JOBS ||
      bytes >= MAX_BYTES ||
      performance.now() > until;
    if (enough)
      return { kind: 'list', jobIds, searched, total, next: searched < total ? searched : null };
  }
}

/** Characters that every producer writes into JSON as they are. Text of others has to be parsed. */
const PLAIN = /^[A-Za-z0-9 .:_-]*$/;

function matches(jobId: string, data: unknown, text: string): boolean {
  if (jobId.toLowerCase().includes(text.toLowerCase())) return true;
  if (typeof data !== 'string') return false;
  if (PLAIN.test(text) && !data.includes(text)) return false;
  const { documents } = Object(parseJson(data));
  const wanted = comparableId(text);
  const isWanted = (id: unknown) => typeof id === 'string' && comparableId(id) === wanted;
  return Array.isArray(documents) && documents.some((one) => isWanted(Object(one).documentId));
}
