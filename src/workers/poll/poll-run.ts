/** One run of a poll job: what each kind of response to a poll leads to. */
import { BudgetExceededError } from '../../atlas/budget.js';
import { hasCallbacks } from '../../config/config.js';
import { PermanentError, type Reason, TransientError, UnknownBatchError } from '../../errors.js';
import type { Reconciliation } from '../../extracts/reconcile.js';
import { fromRanges, toRanges } from '../../jobs/index-ranges.js';
import type { PollData, PollResult, PollState } from '../../jobs/poll-state.js';
import { errorFields } from '../../logging.js';
import type { WorkerContext } from '../context.js';
import type { JobLease } from '../runtime/job-lease.js';
import { MAX_STALLS, MAX_UNEXPECTED_ERRORS, rethrowInterruption } from '../runtime/run-step.js';
import { readFlags } from '../runtime/signals.js';
import {
  describeError,
  describePoll,
  nextPollDelayMs,
  recordNegativePoll,
  retryDelayMs,
} from './next-poll.js';
import { pollOnce } from './read-extracts.js';
import { storeResult } from './store-result.js';

/** A 404 that lasts this long without a break is a refusal, not a delay. */
const NOT_FOUND_TIMEOUT_MS = 120_000;

export class PollRun {
  constructor(
    private readonly context: WorkerContext,
    readonly lease: JobLease<PollState>,
    private readonly data: PollData,
    private readonly state: PollState,
    readonly signal: AbortSignal,
  ) {}

  /** When somebody asked for this poll (a callback, an operator), since the upload was sent. */
  private rungAtMs: number | null = null;

  /**
   * Polls once.
   * @returns the result; null when there is none yet, with the next poll planned and saved.
   */
  async step(stalls: number): Promise<PollResult | null> {
    const { context, data, state } = this;
    const { cancelled, wokenAt } = await readFlags(context, data.reference, data.batchTimestamp);
    // Atlas may have called before it answered the upload.
    const since = state.lastPollAt ?? data.sentAt - context.config.ATLAS_TIMEOUT_MS;
    if (wokenAt > since) this.rungAtMs = wokenAt - data.sentAt;
    if (cancelled)
      return this.giveUp('cancelled', { code: 'CANCELLED', message: cancelled.reason });
    if (stalls >= MAX_STALLS) {
      const message = `workers died ${stalls} times while they polled ${data.atlasBatchId}`;
      return this.giveUp('rejected', { code: 'INTERNAL', message });
    }
    try {
      return await this.poll();
    } catch (error) {
      rethrowInterruption(error, this);
      if (error instanceof UnknownBatchError) return this.afterNotFound(error);
      if (error instanceof BudgetExceededError) return this.afterBudget(error);
      if (error instanceof TransientError)
        return this.afterTransientError(error.reason, error.retryAfterMs);
      if (error instanceof PermanentError) return this.afterTransientError(error.reason, 0);
      return this.afterUnexpectedError(error);
    }
  }

  private async poll(): Promise<PollResult | null> {
    const { context, data, state, signal } = this;
    const startedAt = context.clock.now();
    state.lastPollAt = startedAt;
    const last = state.finalCheck !== undefined || startedAt >= data.deadlineAt;
    const seen = await pollOnce(context, data, { full: last, before: state.seen }, signal);
    state.polls += 1;
    state.notFoundSince = null;
    delete state.errorStreak;

    if (seen.found && (seen.complete || last)) return this.finish(seen.found, seen.complete);
    state.seen.announced = seen.announced;
    if (seen.found) {
      state.seen.extracts = seen.found.extractCount;
      state.seen.present = seen.present;
    }
    recordNegativePoll(state, data, startedAt, seen.present);
    const now = context.clock.now();
    state.nextPollAt = now + nextPollDelayMs(context, data, state, now);
    await this.lease.save(state, describePoll(state, now));
    return null;
  }

  /** Stores what there is. A later poll that finds fewer documents never replaces a richer one. */
  private async finish(found: Reconciliation, complete: boolean): Promise<PollResult> {
    const { context, data, state, signal } = this;
    if (found.present < state.stored) {
      const message = `Atlas has fewer documents of ${data.atlasBatchId} than before; the stored result was kept`;
      return this.giveUp('rejected', { code: 'ATLAS_PROTOCOL', message });
    }
    await this.lease.renew();
    await storeResult(context, data, found, signal);
    state.stored = found.present;
    state.present = found.present;
    const indexes = fromRanges(data.documentIndexes);
    if (state.finalCheck === undefined) this.recordObservation(complete);
    return this.end({
      status: found.present === state.total ? 'complete' : 'incomplete',
      missing: toRanges(found.missing().flatMap((index) => indexes[index] ?? [])),
      present: found.present,
      unexpected: found.unexpected().reduce((sum, { extracts }) => sum + extracts.length, 0),
      polls: state.polls,
      stored: true,
    });
  }

  private async afterNotFound(error: UnknownBatchError): Promise<PollResult | null> {
    const { context, data, state } = this;
    state.polls += 1;
    const now = context.clock.now();
    state.notFoundSince ??= now;
    const leftMs = state.notFoundSince + NOT_FOUND_TIMEOUT_MS - now;
    if (leftMs <= 0 || state.finalCheck || now >= data.batchDeadlineAt) {
      return this.giveUp('rejected', error.reason);
    }
    const delay = Math.min(leftMs, nextPollDelayMs(context, data, state, now));
    state.nextPollAt = now + delay;
    await this.lease.save(state, `poll ${state.polls}: ${error.message}`);
    return null;
  }

  /** No error, only no turn: comes back exactly when it is told to. */
  private async afterBudget({ reason, retryAfterMs }: TransientError): Promise<PollResult | null> {
    const { context, data, state } = this;
    const now = context.clock.now();
    const deadlineAt = state.finalCheck?.deadlineAt ?? data.batchDeadlineAt;
    if (now >= deadlineAt) return this.giveUp('rejected', reason);
    state.nextPollAt = now + retryAfterMs;
    await this.lease.save(state);
    return null;
  }

  private async afterTransientError(
    reason: Reason,
    retryAfterMs: number,
  ): Promise<PollResult | null> {
    const { context, data, state } = this;
    const now = context.clock.now();
    const deadlineAt = state.finalCheck?.deadlineAt ?? data.batchDeadlineAt;
    if (now >= deadlineAt) return this.giveUp('rejected', reason);
    const count = (state.errorStreak?.count ?? 0) + 1;
    state.errorStreak = { count, reason };
    const delay = Math.min(deadlineAt - now, retryDelayMs(context, count, retryAfterMs));
    state.nextPollAt = now + delay;
    await this.lease.save(state, describeError(count, reason, delay));
    return null;
  }

  private async afterUnexpectedError(error: unknown): Promise<PollResult | null> {
    const { context, data, state, lease } = this;
    state.unexpectedErrors += 1;
    context.logger.error(
      { reference: data.reference, atlasBatchId: data.atlasBatchId, ...errorFields(error) },
      `an unforeseen error while polling ${data.atlasBatchId}`,
    );
    const name = error instanceof Error ? error.name : 'error';
    const message = `an unforeseen ${name} while polling ${data.atlasBatchId}; the log has its stack`;
    const reason: Reason = { code: 'INTERNAL', message };
    if (state.unexpectedErrors > MAX_UNEXPECTED_ERRORS) return this.giveUp('rejected', reason);
    const delay = retryDelayMs(context, state.unexpectedErrors, 0);
    state.nextPollAt = context.clock.now() + delay;
    await lease.save(state, describeError(state.unexpectedErrors, reason, delay));
    return null;
  }

  private giveUp(status: 'cancelled' | 'rejected', reason: Reason): Promise<PollResult> {
    const { documentIndexes } = this.data;
    const { polls } = this.state;
    return this.end({
      status,
      missing: documentIndexes,
      present: 0,
      unexpected: 0,
      polls,
      stored: false,
      reason,
    });
  }

  private async end(result: PollResult): Promise<PollResult> {
    const { context, data, state } = this;
    state.nextPollAt = null;
    const why = result.reason ? ` (${result.reason.code}: ${result.reason.message})` : '';
    await this.lease.save(
      state,
      `${result.status} after ${result.polls} ${result.polls === 1 ? 'poll' : 'polls'}: ${result.present} of ${state.total} present${why}`,
    );
    context.metrics.pollJobs.inc({ status: result.status });
    context.metrics.pollsPerUpload.observe(result.polls);
    context.logger.info(
      {
        reference: data.reference,
        atlasBatchId: data.atlasBatchId,
        status: result.status,
        present: result.present,
        total: state.total,
        polls: result.polls,
        unexpected: result.unexpected,
      },
      `Atlas batch ${data.atlasBatchId} is ${result.status}`,
    );
    return result;
  }

  /** Tells when the upload was found complete, or that its deadline came first. */
  private recordObservation(complete: boolean): void {
    const { context, data, state } = this;
    // A last poll comes a moment after the deadline; later ones would be taken for junk.
    const byMs = Math.min(
      (state.lastPollAt ?? data.sentAt) - data.sentAt,
      context.config.BATCH_DEADLINE_MS,
    );
    const [afterMs] = state.negativePolls.at(-1) ?? [0];
    if (complete) {
      const { metrics } = context;
      const knownFromMs = Math.min(byMs, Math.max(afterMs, this.rungAtMs ?? 0));
      metrics.lagUpperBoundSeconds.observe((byMs - knownFromMs) / 1000);
      const mayBeCalled = data.scoped && hasCallbacks(context.config);
      if (mayBeCalled && this.rungAtMs === null) metrics.callbacksRescued.inc();
    }
    context.observations.publish({
      productType: data.productType,
      total: state.total,
      sentAtMs: data.sentAt,
      afterMs,
      byMs,
      timedOut: !complete,
      negativePolls: state.negativePolls.map(([elapsedMs, present]) => ({ elapsedMs, present })),
    });
  }
}
