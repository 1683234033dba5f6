/** One run of a poll job: what each kind of answer of a look leads to. */
import { BudgetExceededError } from '../../atlas/budget.js';
import { hasCallbacks } from '../../config/config.js';
import {
  LockLostError,
  type Reason,
  RefusedError,
  TroubleError,
  UnknownBatchError,
} from '../../errors.js';
import type { Reconciliation } from '../../extracts/reconcile.js';
import { fromRanges, toRanges } from '../../jobs/index-ranges.js';
import type { PollData, PollOutcome, PollState } from '../../jobs/poll-state.js';
import { errorFields } from '../../logging.js';
import type { WorkerContext } from '../context.js';
import type { JobLease } from '../runtime/job-lease.js';
import { MAX_STALLS, MAX_SURPRISES, StoppingError } from '../runtime/run-step.js';
import { readFlags } from '../runtime/signals.js';
import {
  describeLook,
  describeTrouble,
  nextLookDelayMs,
  recordNegativeLook,
  retryDelayMs,
} from './next-poll.js';
import { lookAt } from './read-extracts.js';
import { storeResult } from './store-result.js';

/** A 404 that lasts this long without a break is an answer, not a delay. */
const NOT_FOUND_PATIENCE_MS = 120_000;

export class PollRun {
  constructor(
    private readonly context: WorkerContext,
    private readonly lease: JobLease<PollState>,
    private readonly data: PollData,
    private readonly state: PollState,
    private readonly signal: AbortSignal,
  ) {}

  /** When somebody asked for this look (a callback, an operator), since the upload was sent. */
  private rungAtMs: number | null = null;

  /**
   * Looks once.
   * @returns the outcome; null when there is none yet, with the next look planned and saved.
   */
  async step(stalls: number): Promise<PollOutcome | null> {
    const { context, data, state } = this;
    const { cancelled, wokenAt } = await readFlags(context, data.reference, data.batchTimestamp);
    // Atlas may have called before it answered the upload.
    const since = state.lastLookAt ?? data.sentAt - context.config.ATLAS_TIMEOUT_MS;
    if (wokenAt > since) this.rungAtMs = wokenAt - data.sentAt;
    if (cancelled)
      return this.giveUp('cancelled', { code: 'CANCELLED', message: cancelled.reason });
    if (stalls >= MAX_STALLS) {
      const message = `workers died ${stalls} times while they looked at ${data.batchId}`;
      return this.giveUp('rejected', { code: 'INTERNAL', message });
    }
    try {
      return await this.look();
    } catch (error) {
      if (error instanceof StoppingError || error instanceof LockLostError) throw error;
      if (this.signal.aborted) throw new LockLostError(this.lease.jobId);
      if (error instanceof UnknownBatchError) return this.afterNotFound(error);
      if (error instanceof BudgetExceededError) return this.afterBudget(error);
      if (error instanceof TroubleError) return this.afterTrouble(error.reason, error.retryAfterMs);
      if (error instanceof RefusedError) return this.afterTrouble(error.reason, 0);
      return this.afterSurprise(error);
    }
  }

  private async look(): Promise<PollOutcome | null> {
    const { context, data, state, signal } = this;
    const startedAt = context.clock.now();
    state.lastLookAt = startedAt;
    const last = state.again !== undefined || startedAt >= data.deadlineAt;
    const seen = await lookAt(context, data, { full: last, before: state.seen }, signal);
    state.looks += 1;
    state.notFoundSince = null;
    delete state.trouble;

    if (seen.found && (seen.complete || last)) return this.finish(seen.found, seen.complete);
    state.seen.announced = seen.announced;
    if (seen.found) {
      state.seen.extracts = seen.found.extractCount;
      state.seen.present = seen.present;
    }
    recordNegativeLook(state, data, startedAt, seen.present);
    const now = context.clock.now();
    state.nextLookAt = now + nextLookDelayMs(context, data, state, now);
    await this.lease.save(state, describeLook(state, now));
    return null;
  }

  /** Stores what there is. A later look that finds fewer documents never replaces a richer one. */
  private async finish(found: Reconciliation, complete: boolean): Promise<PollOutcome> {
    const { context, data, state, signal } = this;
    if (found.present < state.stored) {
      const message = `Atlas has fewer documents of ${data.batchId} than before; the stored result was kept`;
      return this.giveUp('rejected', { code: 'ATLAS_PROTOCOL', message });
    }
    await this.lease.renew();
    await storeResult(context, data, found, signal);
    state.stored = found.present;
    state.present = found.present;
    const indexes = fromRanges(data.documents);
    if (state.again === undefined) this.tellPolicies(complete);
    return this.end({
      outcome: found.present === state.total ? 'complete' : 'incomplete',
      missing: toRanges(found.missing().flatMap((index) => indexes[index] ?? [])),
      present: found.present,
      unexpected: found.unexpected().reduce((sum, { extracts }) => sum + extracts.length, 0),
      looks: state.looks,
      stored: true,
    });
  }

  private async afterNotFound(error: UnknownBatchError): Promise<PollOutcome | null> {
    const { context, data, state } = this;
    state.looks += 1;
    const now = context.clock.now();
    state.notFoundSince ??= now;
    const patience = state.notFoundSince + NOT_FOUND_PATIENCE_MS - now;
    if (patience <= 0 || state.again || now >= data.batchDeadlineAt) {
      return this.giveUp('rejected', error.reason);
    }
    const delay = Math.min(patience, nextLookDelayMs(context, data, state, now));
    state.nextLookAt = now + delay;
    await this.lease.save(state, `look ${state.looks}: ${error.message}`);
    return null;
  }

  /** No trouble, only no turn: comes back exactly when it is told to. */
  private async afterBudget({ reason, retryAfterMs }: TroubleError): Promise<PollOutcome | null> {
    const { context, data, state } = this;
    const now = context.clock.now();
    const deadlineAt = state.again?.deadlineAt ?? data.batchDeadlineAt;
    if (now >= deadlineAt) return this.giveUp('rejected', reason);
    state.nextLookAt = now + retryAfterMs;
    await this.lease.save(state);
    return null;
  }

  private async afterTrouble(reason: Reason, retryAfterMs: number): Promise<PollOutcome | null> {
    const { context, data, state } = this;
    const now = context.clock.now();
    const deadlineAt = state.again?.deadlineAt ?? data.batchDeadlineAt;
    if (now >= deadlineAt) return this.giveUp('rejected', reason);
    const count = (state.trouble?.count ?? 0) + 1;
    state.trouble = { count, reason };
    const delay = Math.min(deadlineAt - now, retryDelayMs(context, count, retryAfterMs));
    state.nextLookAt = now + delay;
    await this.lease.save(state, describeTrouble(count, reason, delay));
    return null;
  }

  private async afterSurprise(error: unknown): Promise<PollOutcome | null> {
    const { context, data, state, lease } = this;
    state.surprises += 1;
    context.logger.error(
      { reference: data.reference, batchId: data.batchId, ...errorFields(error) },
      `an unforeseen error while looking at ${data.batchId}`,
    );
    const name = error instanceof Error ? error.name : 'error';
    const message = `an unforeseen ${name} while looking at ${data.batchId}; the log has its stack`;
    const reason: Reason = { code: 'INTERNAL', message };
    if (state.surprises > MAX_SURPRISES) return this.giveUp('rejected', reason);
    const delay = retryDelayMs(context, state.surprises, 0);
    state.nextLookAt = context.clock.now() + delay;
    await lease.save(state, describeTrouble(state.surprises, reason, delay));
    return null;
  }

  private giveUp(outcome: 'cancelled' | 'rejected', reason: Reason): Promise<PollOutcome> {
    const { documents } = this.data;
    const { looks } = this.state;
    return this.end({
      outcome,
      missing: documents,
      present: 0,
      unexpected: 0,
      looks,
      stored: false,
      reason,
    });
  }

  private async end(outcome: PollOutcome): Promise<PollOutcome> {
    const { context, data, state } = this;
    state.nextLookAt = null;
    const why = outcome.reason ? ` (${outcome.reason.code}: ${outcome.reason.message})` : '';
    await this.lease.save(
      state,
      `${outcome.outcome} after ${outcome.looks} ${outcome.looks === 1 ? 'look' : 'looks'}: ${outcome.present} of ${state.total} present${why}`,
    );
    context.metrics.polls.inc({ outcome: outcome.outcome });
    context.metrics.looksPerUpload.observe(outcome.looks);
    context.logger.info(
      {
        reference: data.reference,
        batchId: data.batchId,
        outcome: outcome.outcome,
        present: outcome.present,
        total: state.total,
        looks: outcome.looks,
        unexpected: outcome.unexpected,
      },
      `Atlas batch ${data.batchId} is ${outcome.outcome}`,
    );
    return outcome;
  }

  /** Tells when the upload was found complete, or that its deadline came first. */
  private tellPolicies(complete: boolean): void {
    const { context, data, state } = this;
    // A last look comes a moment after the deadline; later ones would be taken for junk.
    const byMs = Math.min(
      (state.lastLookAt ?? data.sentAt) - data.sentAt,
      context.config.BATCH_DEADLINE_MS,
    );
    const [afterMs] = state.negativeLooks.at(-1) ?? [0];
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
      negativeLooks: state.negativeLooks.map(([elapsedMs, present]) => ({ elapsedMs, present })),
    });
  }
}
