/** When a poll job looks again, and what it tells of it. */
import { hasCallbacks } from '../../config/config.js';
import type { Reason } from '../../errors.js';
import { KEPT_LOOKS, type PollData, type PollState } from '../../jobs/poll-state.js';
import { clampDelay } from '../../polling/clamp-delay.js';
import type { LookContext } from '../../polling/poll-policy.js';
import type { WorkerContext } from '../context.js';
import { backoffMs } from '../runtime/backoff.js';

type Planner = Pick<WorkerContext, 'policy' | 'config' | 'random'>;

/** Remembers a look that found the upload not complete. */
export function recordNegativeLook(
  state: PollState,
  data: PollData,
  startedAt: number,
  present: number,
): void {
  state.present = present;
  state.negativeLooks.push([startedAt - data.sentAt, present]);
  state.negativeLooks.splice(0, state.negativeLooks.length - KEPT_LOOKS);
}

/** Looks that are only a safety net need not fall together: up to this share earlier. */
const SAFETY_NET_JITTER = 0.15;

/**
 * Delay until the next look, as the policy wants it. Where Atlas calls when it is done, looks are
 * only there for calls that were lost: the first when the call should have come, later ones
 * `POLL_MAX_MS` apart.
 */
export function nextLookDelayMs(
  { policy, config, random }: Planner,
  data: PollData,
  state: Pick<PollState, 'present' | 'looks'>,
  now: number,
): number {
  const context: LookContext = {
    productType: data.productType,
    total: data.documentIds.length,
    present: state.present,
    elapsedMs: now - data.sentAt,
    looks: state.looks,
    retryAfterMs: 0,
    minMs: config.POLL_MIN_MS,
    maxMs: config.POLL_MAX_MS,
    deadlineMs: data.deadlineAt - data.sentAt,
    random,
  };
  // An upload that was sent before callbacks were switched on cannot be called for.
  if (!data.scoped || !hasCallbacks(config)) return policy.nextDelayMs(context);
  const delayMs = state.looks === 0 ? policy.safetyNetDelayMs(context) : config.POLL_MAX_MS;
  return clampDelay(delayMs * (1 - SAFETY_NET_JITTER * random()), context);
}

/** Delay after trouble: backs off from `POLL_MIN_MS` to `POLL_MAX_MS`, and honours Retry-After. */
export function retryDelayMs(
  { config, random }: Planner,
  count: number,
  retryAfterMs: number,
): number {
  const bounds = { baseMs: config.POLL_MIN_MS, capMs: config.POLL_MAX_MS };
  return Math.max(retryAfterMs, backoffMs(count, bounds, random));
}

/** `look 3: 4 of 5 present, next in 12 s`. */
export function describeLook(
  { looks, present, total, nextLookAt }: PollState,
  now: number,
): string {
  return `look ${looks}: ${present} of ${total} present, next in ${seconds((nextLookAt ?? now) - now)}`;
}

/**
 * A line for the first, second, fourth, eighth … trouble in a row: an outage of an hour must not
 * push everything else out of the log.
 */
export function describeTrouble(count: number, reason: Reason, delayMs: number): string {
  if ((count & (count - 1)) !== 0) return '';
  const times = count === 1 ? '' : ` (${count} times in a row)`;
  return `${reason.code}: ${reason.message}${times}, again in ${seconds(delayMs)}`;
}

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(ms < 10_000 ? 1 : 0)} s`;
}
