/** `Retry-After` (RFC 9110, 10.2.3): seconds or a date; servers send other things, too. */

/** The longest wait that is believed: a wrong clock or year must not stop us for days. */
export const MAX_RETRY_AFTER_MS = 5 * 60_000;

const SECONDS = /^\d+(\.\d+)?$/;
const DATE = /^[A-Z][a-z]{2}, \d{2} [A-Z][a-z]{2} \d{4} \d{2}:\d{2}:\d{2} GMT$/;
const OBSOLETE_DATE = /^[A-Z][a-z]{5,8}, \d{2}-[A-Z][a-z]{2}-\d{2} \d{2}:\d{2}:\d{2} GMT$/;
const ASCTIME_DATE = /^[A-Z][a-z]{2} [A-Z][a-z]{2} [ \d]\d \d{2}:\d{2}:\d{2} \d{4}$/;

/**
 * Milliseconds that the header asks to wait from `nowMs` (since 1970), at most `maxMs`; 0 for a
 * date that has passed; undefined when there is no header or it makes no sense.
 */
export function retryAfterMs(
  header: string | undefined,
  nowMs: number,
  maxMs = MAX_RETRY_AFTER_MS,
): number | undefined {
  const text = header?.trim() ?? '';
  const wanted = SECONDS.test(text) ? Number(text) * 1000 : dateOf(text) - nowMs;
  if (Number.isNaN(wanted)) return undefined;
  return Math.min(maxMs, Math.max(0, Math.ceil(wanted)));
}

/** NaN for what is no HTTP date: `Date.parse` alone would take "-5" for a year. */
function dateOf(text: string): number {
  if (DATE.test(text) || OBSOLETE_DATE.test(text)) return Date.parse(text);
  return ASCTIME_DATE.test(text) ? Date.parse(`${text} GMT`) : Number.NaN;
}
