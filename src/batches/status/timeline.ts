/** The history of a batch, from the logs of its jobs. */
import type { Queue } from 'bullmq';
import { batchJobId, pollJobId } from '../../jobs/ids.js';
import type { ClientQueues } from '../client-queues.js';
import type { BatchStatus } from './status.js';
import { readTimedLine, type TimedLine } from './timed-line.js';

/** Only the polls of the latest uploads are read: a batch of 10,000 documents has 100 uploads. */
const MAX_UPLOADS = 10;
/** Of the batch itself all that are kept, for they say who changed it. */
const OWN_LINES = 200;
/** Lines that are read of each poll job, and shown of all of them. */
const LINES_PER_POLL = 100;
const MAX_POLL_LINES = 150;

/** What happened to a batch at one time, or who changed it. */
export interface TimelineEntry extends TimedLine {
  /** The Atlas batch of the line. Null for a line of the batch itself. */
  atlasBatchId: string | null;
}

/** The history of a batch, as far as it is kept. */
export interface Timeline {
  /** The latest first. */
  entries: TimelineEntry[];
  /** Number of uploads whose polls are not among the entries. */
  uploadsLeftOut: number;
}

export async function readTimeline(
  queues: ClientQueues,
  status: Pick<BatchStatus, 'reference' | 'uploads'>,
): Promise<Timeline> {
  const sent = [...new Set(status.uploads.flatMap(({ atlasBatchId }) => atlasBatchId ?? []))];
  const latest = sent.slice(-MAX_UPLOADS);
  const [own, ...polls] = await Promise.all([
    linesOf(queues.batches, batchJobId(status.reference), { atlasBatchId: null, most: OWN_LINES }),
    ...latest.map((atlasBatchId) =>
      linesOf(queues.pollJobs, pollJobId(atlasBatchId), { atlasBatchId, most: LINES_PER_POLL }),
    ),
  ]);
  const shown = latestFirst(polls.flat()).slice(0, MAX_POLL_LINES);
  return {
    entries: latestFirst([...own, ...shown]),
    uploadsLeftOut: sent.length - latest.length,
  };
}

function latestFirst(entries: readonly TimelineEntry[]): TimelineEntry[] {
  return [...entries].sort((a, b) => (b.at ?? '').localeCompare(a.at ?? ''));
}

async function linesOf(
  queue: Pick<Queue, 'getJobLogs'>,
  jobId: string,
  { atlasBatchId, most }: Pick<TimelineEntry, 'atlasBatchId'> & { most: number },
): Promise<TimelineEntry[]> {
  const { logs } = await queue.getJobLogs(jobId, 0, most - 1, false);
  return logs.map((line) => ({ ...readTimedLine(line), atlasBatchId }));
}
