/**
 * Erases an ended batch: its results in S3 with every version, and all that Redis holds of it. What is kept
 * is a certificate that names nobody.
 *
 * It may be run again when it failed on the way: the batch's job stays until the results are gone, and can
 * neither be retried nor found in a list meanwhile.
 */
import type { Job } from 'bullmq';
import { TransientError } from '../../errors.js';
import { ERASED_TTL_SECONDS, erasedDigest, formatErased } from '../../jobs/erased.js';
import { batchJobId, TIMESTAMP_IN_LUA, timeOfEvent } from '../../jobs/ids.js';
import { erasedKey } from '../../jobs/keys/redis-keys.js';
import { MAX_DOCUMENTS } from '../../jobs/request/request.js';
import { atlasBatchIdOf, resultOf } from '../../jobs/state/batch-state.js';
import type { BatchSummary } from '../../jobs/summary.js';
import { isObject } from '../../json.js';
import { redisTimeMs } from '../../redis/clock.js';
import { LuaScript } from '../../redis/lua-script.js';
import type { KeyFilter, ResultsEraser } from '../../storage/results/erase-results.js';
import { parseResultUri, resultKey, resultsFolder } from '../../storage/results/results-key.js';
import type { Audited } from '../audit.js';
import type { ClientQueues } from '../client-queues.js';
import { eventJobIdsOf, stateOf } from '../find-summary.js';
import { jobAfterEvent } from '../job-after-event.js';
import { DocumentNames } from './document-names.js';
import { eraseKeys, type FoundAndRemoved, type RemovedKeys } from './erase-keys.js';
import type { Traces } from './erase-scope.js';
import { type KeySpace, readScope } from './find-traces.js';

/** Proves that a batch was erased, to who knows its reference, and names nobody to anybody else. */
export interface ErasureCertificate {
  /** When it was done, ISO 8601 by the clock of Redis. */
  erasedAt: string;
  /** When the batch was added; null when that is not known any more. */
  addedAt: string | null;
  /**
   * SHA-256 in hex of `<reference>@<addedAt in ms since 1970>`, and where `addedAt` is null of the
   * reference alone.
   */
  digest: string;
  /** What was removed. */
  removed: RemovedKeys & {
    /** Versions of result objects, marks of earlier deletions among them. */
    objectVersions: number;
  };
}

/** What became of the request to erase a batch. */
export interface EraseResult {
  /** `running`: it has not ended; cancel it first. `unknown`: nothing is known of it. */
  status: 'erased' | 'running' | 'unknown';
  /** The reference that was asked for. */
  reference: string;
  /** Of what was erased, else null. */
  certificate: ErasureCertificate | null;
}

export interface EraseOptions {
  eraser: ResultsEraser;
  /** `s3://bucket/prefix` of results, for a batch of which Redis holds nothing any more. */
  resultsRoot?: string | undefined;
  /**
   * Only a batch of this tenant is known, and what others have left under its reference stays. Without it,
   * earlier batches of the reference go too.
   */
  tenant?: string | undefined;
}

/** Whoever was paused with the batch in hand may bring back what was erased; then it is erased again. */
const MAX_PASSES = 5;

/**
 * From now on nobody retries it, and workers that come back with it find it erased. KEYS job, its logs,
 * completed, failed, flag. ARGV job id, life of the flag and of the job in seconds, timestamp of the job, what the
 * flag says. An erasing that dies leaves nothing for longer.
 */
const CLAIM = new LuaScript<'running' | 'gone' | 'claimed'>(`
if string.match(redis.call('HGET', KEYS[1], 'timestamp') or '', ${TIMESTAMP_IN_LUA}) ~= ARGV[3] then return 'gone' end
if not redis.call('HGET', KEYS[1], 'finishedOn') then return 'running' end
redis.call('ZREM', KEYS[3], ARGV[1])
redis.call('ZREM', KEYS[4], ARGV[1])
redis.call('SET', KEYS[5], ARGV[4], 'EX', ARGV[2])
redis.call('EXPIRE', KEYS[1], ARGV[2])
redis.call('EXPIRE', KEYS[2], ARGV[2])
return 'claimed'
`);

export async function eraseBatch(
  queues: ClientQueues,
  reference: string,
  { eraser, resultsRoot, tenant }: EraseOptions,
): Promise<EraseResult> {
  const { batches, link, prefix } = queues;
  const refused = (status: 'running' | 'unknown') => ({ status, reference, certificate: null });
  const job = (await jobAfterEvent(queues, reference)) ?? null;
  if (tenant !== undefined && !(isObject(job?.data) && job.data.tenant === tenant))
    return refused('unknown');
  if (job && job.finishedOn === undefined) return refused('running');
  const space = { redis: link.redis, prefix };
  const endedBefore = Math.floor(await redisTimeMs(link.redis));
  const earlierToo = tenant === undefined;
  const events = earlierToo ? await eventsOf(queues, reference, job) : [];
  const own = job && stateOf(job)?.outcome?.eventId;
  const ends = new Set([own, ...events.map(({ eventId }) => eventId)].map(timeOfEvent));
  const traces = tracesOf(job, { reference, endedBefore, earlierToo, ends });
  const folders = foldersOf(traces, { job, events, resultsRoot });
  // Whether S3 can be reached, and lets us: before anything has changed.
  for (const folder of folders) await eraser.count(folder);

  const digest = erasedDigest(reference, traces.timestamp);
  if (job) {
    const jobKey = batches.toKey(batchJobId(reference));
    const sets = [batches.toKey('completed'), batches.toKey('failed')];
    const keys = [jobKey, `${jobKey}:logs`, ...sets, erasedKey(prefix, digest)];
    const flag = formatErased(traces.span);
    const args = [batchJobId(reference), ERASED_TTL_SECONDS, job.timestamp, flag];
    if ((await CLAIM.run(link.redis, keys, args)) === 'running') return refused('running');
  }
  let objectVersions = 0;
  const eraseResults = async () => {
    for (const folder of folders)
      objectVersions += await eraser.erase(folder, () => keysIn(space, folder, traces));
  };
  await eraseResults();
  const { mentions, ...removed } = await eraseUntilGone(space, traces);
  await eraseResults();
  if (objectVersions + sumOf(removed) === mentions) return refused('unknown');
  const certificate: ErasureCertificate = {
    erasedAt: new Date(await redisTimeMs(link.redis)).toISOString(),
    addedAt: job ? new Date(job.timestamp).toISOString() : null,
    digest,
    removed: { ...removed, objectVersions },
  };
  return { status: 'erased', reference, certificate };
}

/** What is known of it before Redis is searched. */
function tracesOf(
  job: Job<unknown> | null,
  {
    reference,
    endedBefore,
    earlierToo,
    ends,
  }: Pick<Traces, 'reference' | 'earlierToo' | 'ends'> & { endedBefore: number },
): Traces {
  const state = job && stateOf(job);
  // The clock of who added it may be wrong, that of Redis says nothing of its earlier runs.
  const begins = [job?.timestamp, state?.startedAt, state?.submittedAt].filter(
    (at) => at !== undefined,
  );
  const ownUploads = (state?.uploads ?? []).filter(
    (upload) => upload.state !== 'refused' || upload.result !== null,
  );
  return {
    reference,
    timestamp: job?.timestamp ?? null,
    span: { from: earlierToo ? 0 : Math.floor(Math.min(...begins)), until: endedBefore },
    earlierToo,
    // What Atlas gave another batch before is that one's.
    atlasBatchIds: new Set(ownUploads.flatMap((upload) => atlasBatchIdOf(upload) ?? [])),
    ends,
    eventJobIds: new Set(),
    documentNames: new DocumentNames(documentsOf(job)),
  };
}

/** As its producer wrote them. */
function documentsOf(job: Job<unknown> | null): readonly unknown[] {
  const { documents } = Object(job?.data);
  return Array.isArray(documents) ? documents.slice(0, MAX_DOCUMENTS) : [];
}

/** Which objects of a folder are results of the batch. Asked after the folder was listed. */
async function keysIn(space: KeySpace, folder: string, traces: Traces): Promise<KeyFilter> {
  const scope = await readScope(space, traces);
  return scope.isAll ? () => true : ownResults(folder, traces);
}

/** Of the Atlas batches that are known to be the batch's. */
export function ownResults(folder: string, { reference, atlasBatchIds }: Traces): KeyFilter {
  const prefix = parseResultUri(folder).key.slice(0, -`${reference}/`.length);
  const keys = new Set([...atlasBatchIds].map((id) => resultKey(prefix, reference, id)));
  return (key) => keys.has(key);
}

/** What the audit log keeps: the certificate, and its digest for a name. */
export function describeErasure({ status, certificate }: EraseResult): Audited {
  if (!certificate) return { outcome: status };
  const reference = `sha256:${certificate.digest}`;
  return { outcome: status, reference, details: { certificate } };
}

/** Scans until nothing is found any more. */
export async function eraseUntilGone(space: KeySpace, traces: Traces): Promise<FoundAndRemoved> {
  const removed = { jobs: 0, keys: 0, entries: 0, mentions: 0 };
  for (let pass = 0; pass < MAX_PASSES; pass += 1) {
    const now = await eraseKeys(space, traces);
    if (sumOf(now) === 0) return removed;
    removed.jobs += now.jobs;
    removed.keys += now.keys;
    removed.entries += now.entries;
    removed.mentions += now.mentions;
  }
  throw new TransientError(
    'INTERNAL',
    'somebody still writes of this batch to Redis, so it is not erased whole; try again later',
  );
}

function sumOf({ jobs, keys, entries }: RemovedKeys): number {
  return jobs + keys + entries;
}

/** Its events that are there, and those of earlier batches of the reference. */
async function eventsOf(
  { completions }: ClientQueues,
  reference: string,
  job: Job<unknown> | null,
): Promise<BatchSummary[]> {
  const ids = eventJobIdsOf(reference, job);
  const events = await Promise.all(ids.map((id) => completions.getJob(id)));
  return events.flatMap((event) => event?.data ?? []);
}

/** Where its results lie: as its job says, and its events, and whoever asks. */
function foldersOf(
  { reference }: Traces,
  {
    job,
    events,
    resultsRoot,
  }: { job: Job<unknown> | null; events: BatchSummary[]; resultsRoot: string | undefined },
): string[] {
  const uris = events.flatMap(({ results }) => results ?? []);
  const folders = uris.map((uri) => uri.slice(0, uri.lastIndexOf('/') + 1));
  const state = job && stateOf(job);
  const stored = state?.uploads.map((upload) => resultOf(upload)?.root) ?? [];
  const roots = [resultsRoot, state?.outcome?.resultsRoot, ...stored];
  const below = roots.flatMap((root) => (root === undefined ? [] : resultsFolder(root, reference)));
  return [...new Set([...folders, ...below])];
}
