/** Where one upload of a batch stands: its saved state and its poll job, joined. */
import type { Reason } from '../../errors.js';
import { pollJobId } from '../../jobs/ids.js';
import { fromRanges } from '../../jobs/index-ranges.js';
import { atlasBatchIdOf, readState, resultOf, type Upload } from '../../jobs/state/batch-state.js';
import type { PollState } from '../../jobs/state/poll-state.js';
import { parseJson } from '../../json.js';
import type { ClientQueues } from '../client-queues.js';

/** One upload of a batch: one call of Atlas's multiupload. */
export interface UploadStatus {
  /**
   * `planned`: not sent yet, or to be sent again. `sending`: the request may be on its way. `sent`:
   * Atlas is at work. `ended`: see `result`. `refused`: see `reason`.
   */
  state: 'planned' | 'sending' | 'sent' | 'ended' | 'refused';
  /** 1 for the first; later rounds send only what was missing. */
  round: number;
  /** The `batch_id` that Atlas gave; null before its response. */
  atlasBatchId: string | null;
  /** While Atlas is at work `present` may be an upper bound: it counts extracts, not documents. */
  documents: { total: number; present: number };
  /** Polls so far. */
  polls: number;
  /** When the next poll is planned; null when none is. */
  nextPollAt: string | null;
  /** How the polling ended; null while it goes on. */
  result: 'complete' | 'incomplete' | 'cancelled' | 'rejected' | null;
  /** The error that delays it, or why it was refused or rejected; null when there is none. */
  reason: Reason | null;
}

export async function statusOfUpload(queues: ClientQueues, upload: Upload): Promise<UploadStatus> {
  // Only an upload that is at Atlas needs its poll job: what others know is in the state.
  const poll = upload.state === 'sent' ? await readPoll(queues, upload.atlasBatchId) : null;
  const pollState = poll?.state ?? null;
  const next = pollState?.nextPollAt ?? (poll && !pollState ? poll.firstPollAt : null);
  const known = resultOf(upload);
  const result = upload.state === 'ended' ? upload.result : null;
  const reason = upload.state === 'refused' ? upload.reason : result?.reason;
  return {
    state: upload.state,
    round: upload.round,
    atlasBatchId: atlasBatchIdOf(upload),
    documents: {
      total: fromRanges(upload.documentIndexes).length,
      present: Math.max(known?.present ?? 0, pollState?.present ?? 0),
    },
    polls: pollState?.polls ?? known?.polls ?? 0,
    nextPollAt: next === null ? null : new Date(next).toISOString(),
    result: result?.status ?? null,
    reason: reason ?? pollState?.errorStreak?.reason ?? null,
  };
}

/** Without the data of the poll job, which names its documents. */
async function readPoll({ pollJobs, link }: ClientQueues, atlasBatchId: string) {
  const key = pollJobs.toKey(pollJobId(atlasBatchId));
  const [timestamp, delay, progress] = await link.redis.hmget(
    key,
    'timestamp',
    'delay',
    'progress',
  );
  if (!timestamp) return null;
  const stored = readState<PollState>(parseJson(progress ?? ''));
  const state = stored.kind === 'known' ? stored.state : null;
  return { state, firstPollAt: Number(timestamp) + Number(delay) };
}
