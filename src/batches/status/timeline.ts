/** The history of a batch, from the logs of its jobs. */
import type { Queue } from 'bullmq';
import { batchJobId, pollJobId } from '../../jobs/ids.js';
import type { ClientQueues } from '../client-queues.js';
import type { BatchStatus } from './status.js';
import { readTimedLine, type TimedLine } from './timed-line.js';

/** Only the polls of the latest uploads are read: a batch of 10,000 documents has 100 uploads. */
const MAX_UPLOADS = 10;
/** Lines that are read of each job, and shown of all jobs. */
const LINES_PER_JOB = 100;
const MAX_LINES = 150;

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
  const read = await Promise.all([
    linesOf(queues.batches, batchJobId(status.reference), null),
    ...latest.map((id) => linesOf(queues.pollJobs, pollJobId(id), id)),
  ]);
  const entries = read.flat().sort((a, b) => (b.at ?? '').localeCompare(a.at ?? ''));
  return { entries: entries.slice(0, MAX_LINES), uploadsLeftOut: sent.length - latest.length };
}

async function linesOf(
  queue: Pick<Queue, 'getJobLogs'>,
  jobId: string,
  atlasBatchId: string | null,
): Promise<TimelineEntry[]> {
  const { logs } = await queue.getJobLogs(jobId, 0, LINES_PER_JOB - 1, false);
  return logs.map((line) => ({ ...readTimedLine(line), atlasBatchId }));
}
