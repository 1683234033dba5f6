/**
 * The outcomes of batches for all who follow them in this process: one read of the stream waits for the
 * next one, whoever follows. Each follower pulls at its own pace, from what was read lately or, when it is
 * further back, from the stream: nothing piles up for a slow one.
 */
import type { ClientQueues } from '../../../batches/client-queues.js';
import { comparePositions, type Outcome, openOutcomes } from '../../../batches/events/outcomes.js';
import { pause } from '../../../timeouts.js';

/** How long one read waits. A follower that leaves is forgotten after it, at most. */
const BLOCK_MS = 5000;
/** Until the stream is read again when Redis is away. */
const READ_AGAIN_MS = 1000;
/** Outcomes that are kept for all; some seconds of the most that one Redis carries. */
const KEPT = 2000;
/** Read at once for a follower that is further back. */
const PAGE = 500;

/** What a follower gets next. */
export interface FeedPage {
  outcomes: Outcome[];
  /** To go on from there. */
  position: string;
  /** Outcomes before these are gone that it has not had. */
  reset: boolean;
}

export class OutcomeFeed {
  private readonly reader;
  private readonly followers = new Set<() => void>();
  private readonly closing = new AbortController();
  /** What was read lately: everything after `from`, up to `position`. */
  private recent: Outcome[] = [];
  private from = '';
  private position = '';
  private isReading = false;

  constructor(queues: ClientQueues) {
    this.reader = openOutcomes(queues);
  }

  /** @param wake Called when there may be more. @returns How to end that. */
  follow(wake: () => void): () => void {
    // Of its own, so that a function that is given twice is called twice.
    const follower = () => wake();
    this.followers.add(follower);
    this.keepReading();
    return () => void this.followers.delete(follower);
  }

  /** Where those begin who want what comes from now on. @throws RedisUnavailableError. */
  async end(): Promise<string> {
    return (await this.reader.readOutcomes({ after: 'end' })).position;
  }

  /**
   * What comes after a position; nothing when there is nothing yet.
   * @throws UsageError for what is no position; RedisUnavailableError.
   */
  async after(position: string): Promise<FeedPage> {
    if (this.from !== '' && comparePositions(position, this.from) >= 0) {
      // From the end: who is up to date lacks the last ones, and all of them ask at each outcome.
      const had = this.recent.findLastIndex((one) => comparePositions(one.position, position) <= 0);
      const outcomes = this.recent.slice(had + 1);
      // One that is ahead is so by a read of its own, which the common one has yet to make.
      return { outcomes, position: outcomes.at(-1)?.position ?? position, reset: false };
    }
    return this.reader.readOutcomes({ after: position, count: PAGE });
  }

  close(): void {
    this.closing.abort();
    this.reader.close();
  }

  private async keepReading(): Promise<void> {
    if (this.isReading) return;
    this.isReading = true;
    const { signal } = this.closing;
    while (this.followers.size > 0 && !signal.aborted) {
      await this.readMore().catch(() => pause(READ_AGAIN_MS, signal).catch(() => {}));
    }
    this.isReading = false;
    // What is kept is no longer all there is.
    this.from = '';
    this.recent = [];
  }

  private async readMore(): Promise<void> {
    if (this.from === '') {
      this.position = await this.end();
      this.from = this.position;
      this.wakeAll();
    }
    const after = this.position;
    const found = await this.reader.readOutcomes({ after, count: PAGE, blockMs: BLOCK_MS });
    if (found.reset) {
      // All go back to the stream, which tells each of them.
      this.from = '';
      this.recent = [];
      return;
    }
    this.position = found.position;
    if (found.outcomes.length === 0) return;
    this.recent.push(...found.outcomes);
    const dropped = this.recent.splice(0, Math.max(0, this.recent.length - KEPT));
    this.from = dropped.at(-1)?.position ?? this.from;
    this.wakeAll();
  }

  private wakeAll(): void {
    for (const wake of this.followers) wake();
  }
}
