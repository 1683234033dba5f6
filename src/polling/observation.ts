/** Reads observations that come from Redis, where anybody may have written them. Pure. */
import { MAX_PRODUCT_TYPE_LENGTH } from '../jobs/request/request.js';
import { isObject } from '../json.js';
import type { NegativePoll, Observation } from './poll-policy.js';

/**
 * Negative polls that are kept of one observation. An upload that took an hour was polled about 60
 * times, and neighbouring polls say nearly the same. The limit bounds the size of an entry, and the
 * work of learning from it.
 */
export const MAX_NEGATIVE_POLLS = 32;
/** Longer ones cannot come from a valid request. A character may be two units of a string. */
const MAX_PRODUCT_TYPE_UNITS = 2 * MAX_PRODUCT_TYPE_LENGTH;

/**
 * The observation that `value` (for example parsed JSON) holds. Null when it is junk: a field is
 * missing, not finite, not positive, contradictory, or later than the deadline. Negative polls that
 * make no sense are left out; the others are thinned evenly to {@link MAX_NEGATIVE_POLLS}. The
 * result is plain data, and parsing it again gives the same.
 */
export function parseObservation(value: unknown, deadlineMs: number): Observation | null {
  if (!isObject(value)) return null;
  const { productType, total, afterMs, byMs, timedOut, sentAtMs, negativePolls } = value;
  if (typeof productType !== 'string' || productType === '') return null;
  if (productType.length > MAX_PRODUCT_TYPE_UNITS) return null;
  if (!isCount(total) || total === 0 || typeof timedOut !== 'boolean') return null;
  if (!isTime(afterMs) || !isTime(byMs) || byMs === 0 || byMs > deadlineMs) return null;
  if (timedOut ? afterMs > byMs : afterMs >= byMs) return null;
  if (sentAtMs !== undefined && (!isTime(sentAtMs) || sentAtMs === 0)) return null;
  if (!Array.isArray(negativePolls)) return null;
  return {
    productType,
    total,
    afterMs,
    byMs,
    timedOut,
    ...(sentAtMs === undefined ? {} : { sentAtMs }),
    negativePolls: thinEvenly(
      negativePolls.flatMap((poll) => parseNegativePoll(poll, total, afterMs)),
      MAX_NEGATIVE_POLLS,
    ),
  };
}

function parseNegativePoll(value: unknown, total: number, afterMs: number): NegativePoll[] {
  if (!isObject(value)) return [];
  const { elapsedMs, present } = value;
  if (!isTime(elapsedMs) || elapsedMs === 0 || elapsedMs > afterMs) return [];
  if (!isCount(present) || present > total) return [];
  return [{ elapsedMs, present }];
}

/** At most `limit` (two or more) of `items`: the first, the last, and some evenly between them. */
export function thinEvenly<T>(items: readonly T[], limit: number): readonly T[] {
  if (items.length <= limit) return items;
  const step = (items.length - 1) / (limit - 1);
  return items.filter((_, index) => Math.round(Math.round(index / step) * step) === index);
}

/** A moment or a span in milliseconds: finite, not negative. */
function isTime(value: unknown): value is number {
  return typeof value === 'number' && Number.isFinite(value) && value >= 0;
}

function isCount(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;
}
