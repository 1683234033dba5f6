/** Durations and times as people write them: 30m, 2h, 1d; 2026-11-24T05:00:00Z. */
const UNIT_MS: Readonly<Record<string, number>> = {
  s: 1000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
};

/** @returns ms, or undefined for what is no duration. */
export function parseDuration(text: string): number | undefined {
  const [, count, unit = ''] = /^(\d{1,6})([smhd])$/.exec(text) ?? [];
  return count === undefined ? undefined : Number(count) * (UNIT_MS[unit] ?? 0);
}

const ISO_TIME = /^(\d{4}-\d\d-\d\d)(?:[T ]\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z|[+-]\d\d:?\d\d)?)?$/;

/**
 * JavaScript takes much more for a time: it reads 05.12.2026 as the 12th of May, a year in any words for its first day,
 * and the 30th of February as the 2nd of March.
 * @returns undefined for what is no time in ISO 8601.
 */
export function parseTime(text: string): Date | undefined {
  const time = new Date(text);
  const [, day] = ISO_TIME.exec(text) ?? [];
  if (day === undefined || Number.isNaN(time.getTime())) return undefined;
  return new Date(day).toISOString().startsWith(day) ? time : undefined;
}
