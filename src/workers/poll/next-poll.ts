/** When a poll job polls again, and what it tells of it. */
import { hasCallbacks } from '../../config/config.js';
import type { PollData, PollState } from '../../jobs/state/poll-state.js';
import { countText } from '../../plural.js';
import { clampDelay, type PollContext } from '../../polling/poll-policy.js';
import type { WorkerContext } from '../context.js';
import { backoffMs, seconds } from '../runtime/backoff.js';

export interface PollDeadlines {
  /** End of the upload's share: the last full poll. */
  share: number;
  /** End of the whole batch: errors of Atlas or S3 are survived until here. */
  batch: number;
}

/**
 * What is left of the batch's deadline when an upload is sent is divided equally among its round and
 * those still to come. Nothing of it is stored: a deadline that is raised in an outage holds for what
 * is in flight.
 */
export function deadlinesOf(
  {
    sentAt,
    batchStartedAt,
    roundsAfter,
  }: Pick<PollData, 'sentAt' | 'batchStartedAt' | 'roundsAfter'>,
  deadlineMs: number,
): PollDeadlines {
  const batch = batchStartedAt + deadlineMs;
  const share = Math.round(sentAt + Math.max(0, batch - sentAt) / (roundsAfter + 1));
  return { share, batch };
}

type Planner = Pick<WorkerContext, 'policy' | 'config' | 'random'>;
type CalledPlanner = Planner & { heartbeat: { readonly callbacksAreSilent: boolean } };

/** Polls of the safety net come up to this share earlier, so that they do not fall together. */
const SAFETY_NET_JITTER = 0.15;

/**
 * Delay until the next poll, as the policy wants it. Where Atlas calls when it is done, polls are
 * only there for calls that were lost: the first when the call should have come, later ones
 * `POLL_MAX_MS` apart. Where it has stopped calling, they are what finds out, and come as if it never had.
 * @param deadlineMs of the whole batch
 */
export function nextPollDelayMs(
  { policy, config, random, heartbeat }: CalledPlanner,
  data: PollData,
  state: Pick<PollState, 'present' | 'polls'>,
  { now, deadlineMs }: { now: number; deadlineMs: number },
): number {
  const context: PollContext = {
    productType: data.productType,
    total: data.documentIds.length,
    present: state.present,
    elapsedMs: now - data.sentAt,
    polls: state.polls,
    retryAfterMs: 0,
    minMs: config.POLL_MIN_MS,
    maxMs: config.POLL_MAX_MS,
    deadlineMs: deadlinesOf(data, deadlineMs).share - data.sentAt,
    random,
  };
  // An upload that was sent before callbacks were switched on cannot be called for.
  const mayBeCalled = data.scoped && hasCallbacks(config);
  if (!mayBeCalled || heartbeat.callbacksAreSilent) return policy.nextDelayMs(context);
  const delayMs = state.polls === 0 ? policy.safetyNetDelayMs(context) : config.POLL_MAX_MS;
  return clampDelay(delayMs * (1 - SAFETY_NET_JITTER * random()), context);
}

/** Delay after an error: backs off from `POLL_MIN_MS` to `POLL_MAX_MS`, and honours Retry-After. */
export function retryDelayMs(
  { config, random }: Planner,
  count: number,
  retryAfterMs: number,
): number {
  const bounds = { baseMs: config.POLL_MIN_MS, capMs: config.POLL_MAX_MS };
  return Math.max(retryAfterMs, backoffMs(count, bounds, random));
}

/** `poll 3: 4 of 5 present, next in 12 s`. */
export function describePoll(
  { polls, present, total, nextPollAt }: PollState,
  now: number,
): string {
  return `poll ${countText(polls)}: ${countText(present)} of ${countText(total)} present, next in ${seconds((nextPollAt ?? now) - now)}`;
}
