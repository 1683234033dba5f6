/** What a poll job tells the policies of all processes, and the metrics, once it has its result. */
import { noteMissedCallback } from '../../batches/callback-silence.js';
import { hasCallbacks } from '../../config/config.js';
import type { PollData, PollState } from '../../jobs/state/poll-state.js';
import type { WorkerContext } from '../context.js';

export interface ObservedPoll {
  context: WorkerContext;
  data: PollData;
  state: PollState;
  /** When somebody asked for this poll (a callback, an operator), since the upload was sent. */
  wokenAtMs: number | null;
}

/** Tells when the upload was found complete, or that its deadline came first. */
export function recordObservation(
  { context, data, state, wokenAtMs }: ObservedPoll,
  complete: boolean,
): void {
  // A last poll comes a moment after the deadline; later ones would be taken for junk.
  const byMs = Math.min(
    (state.lastPollAt ?? data.sentAt) - data.sentAt,
    context.config.BATCH_DEADLINE_MS,
  );
  const [afterMs] = state.negativePolls.at(-1) ?? [0];
  if (complete) {
    const { metrics } = context;
    const knownFromMs = Math.min(byMs, Math.max(afterMs, wokenAtMs ?? 0));
    metrics.lagUpperBoundSeconds.observe((byMs - knownFromMs) / 1000);
    const mayBeCalled = data.scoped && hasCallbacks(context.config);
    if (mayBeCalled && wokenAtMs === null) {
      metrics.callbacksRescued.inc();
      const { redis, config, clock } = context;
      // Counted for all processes; one that is lost is one of many.
      noteMissedCallback(redis, config.QUEUE_PREFIX, clock.now()).catch(() => {});
    }
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
