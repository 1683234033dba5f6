/** What happened to a batch, out of the logs of its jobs. */

import type { ClientQueues } from '../../../batches/client-queues.js';
import type { BatchStatus } from '../../../batches/status.js';
import { batchJobId, pollJobId } from '../../../jobs/ids.js';

/** Uploads whose polls are told: the latest; a batch of 10,000 documents has a hundred. */
const UPLOADS_TOLD = 10;
/** Lines read of each job, and shown of all. */
const LINES_READ = 100;
const LINES_SHOWN = 150;

export interface TimelineEntry {
  /** ISO 8601; null for a line that somebody else wrote. */
  at: string | null;
  text: string;
  /** The Atlas batch that it is about, where it is about one. */
  atlasBatchId: string | null;
}

export interface Timeline {
  /** The latest first. */
  entries: TimelineEntry[];
  /** Uploads whose polls are not among them. */
  uploadsLeftOut: number;
}

export async function readTimeline(queues: ClientQueues, status: BatchStatus): Promise<Timeline> {
  const sent = [...new Set(status.uploads.flatMap(({ atlasBatchId }) => atlasBatchId ?? []))];
  const told = sent.slice(-UPLOADS_TOLD);
  const read = await Promise.all([
    linesOf(queues.batches, batchJobId(status.reference), null),
    ...told.map((atlasBatchId) => linesOf(queues.pollJobs, pollJobId(atlasBatchId), atlasBatchId)),
  ]);
  const entries = read.flat().sort((a, b) => (b.at ?? '').localeCompare(a.at ?? ''));
  return { entries: entries.slice(0, LINES_SHOWN), uploadsLeftOut: sent.length - told.length };
}

interface Logged {
  getJobLogs(
    jobId: string,
    start?: number,
    end?: number,
    asc?: boolean,
  ): Promise<{ logs: string[] }>;
}

async function linesOf(
  queue: Logged,
  jobId: string,
  atlasBatchId: string | null,
): Promise<TimelineEntry[]> {
  const { logs } = await queue.getJobLogs(jobId, 0, LINES_READ - 1, false);
  return logs.map((line) => parseLine(line, atlasBatchId));
}

const TIMED_LINE = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z) (.*)$/s;

function parseLine(line: string, atlasBatchId: string | null): TimelineEntry {
  const [, at = null, text = line] = TIMED_LINE.exec(line) ?? [];
  return { at, text, atlasBatchId };
}
