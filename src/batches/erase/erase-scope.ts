/**
 * What of a reference belongs to the batch that is erased: others may have used it before, and somebody may use
 * it again while its last traces go. Pure.
 */
import type { ErasedSpan } from '../../jobs/erased.js';
import { batchJobId, isEventJobOf, pollJobId, timeOfEvent, timeOfWatch } from '../../jobs/ids.js';
import { BATCHES_QUEUE, POLLS_QUEUE } from '../../jobs/queues.js';
import type { DocumentNames } from './document-names.js';

/** What is erased, as far as it is known. What is found on the way is added. */
export interface Traces {
  reference: string;
  /** `timestamp` of the batch job; null when nobody knows it any more. */
  timestamp: number | null;
  /** When its outcomes were saved, all of them. */
  span: ErasedSpan;
  /** Whether earlier batches of the reference go too. */
  earlierToo: boolean;
  /** Its Atlas batches. */
  atlasBatchIds: Set<string>;
  /** Its ends that were known when it was to be erased: by a clock that was ahead they may be yet to come. */
  ends: ReadonlySet<number | null>;
  /** Jobs of its events. */
  eventJobIds: Set<string>;
  /** Of its documents, where its job is there. */
  documentNames: DocumentNames;
}

/** Who has the reference at one moment. */
export interface Holder {
  /** Redis time in ms. */
  at: number;
  /** `timestamp` of the batch job that is there; null when none is. */
  timestamp: number | null;
}

/** What belongs to the batch at one moment. */
export class EraseScope {
  /** Whether somebody has used the reference again. */
  readonly isUsedAgain: boolean;
  private pollJobIds: Set<string> | undefined;

  constructor(
    readonly traces: Traces,
    private readonly holder: Holder,
  ) {
    this.isUsedAgain = holder.timestamp !== null && holder.timestamp !== traces.timestamp;
  }

  /** Whether all that bears its reference is to go. */
  get isAll(): boolean {
    return this.traces.earlierToo && !this.isUsedAgain;
  }

  /** @param timestamp Of the batch job, as polls and owners of Atlas batches name it. */
  hasBatch(timestamp: unknown): boolean {
    const { earlierToo, timestamp: own } = this.traces;
    return timestamp === own || (earlierToo && timestamp !== this.holder.timestamp);
  }

  /** An outcome, and the event that tells of it. */
  hasOutcome(eventId: unknown): boolean {
    return this.isEnd(timeOfEvent(eventId));
  }

  /** A job that awaits late results. */
  hasWatch(jobId: string): boolean {
    return this.isEnd(timeOfWatch(this.traces.reference, jobId));
  }

  /** What was written of its reference, or of a job of its. @param at Redis time in ms. */
  hasWritten(at: number): boolean {
    // After its end too, until somebody uses the reference again.
    const { from, until } = this.traces.span;
    return from <= at && at <= (this.isUsedAgain ? until : this.holder.at);
  }

  /** An entry of the events that BullMQ writes of a queue. */
  hasEntry(queue: string, jobId: string, entryId: string): boolean {
    const { reference, atlasBatchIds, eventJobIds, earlierToo } = this.traces;
    if (queue === POLLS_QUEUE) {
      this.pollJobIds ??= new Set([...atlasBatchIds].map(pollJobId));
      return this.pollJobIds.has(jobId) || this.hasWatch(jobId);
    }
    const isNamed =
      queue === BATCHES_QUEUE
        ? jobId === batchJobId(reference)
        : eventJobIds.has(jobId) || (earlierToo && isEventJobOf(reference, jobId));
    return isNamed && this.hasWritten(Number.parseInt(entryId, 10));
  }

  private isEnd(at: number | null): boolean {
    const { span, ends } = this.traces;
    return at !== null && ((span.from <= at && at <= span.until) || ends.has(at));
  }
}
