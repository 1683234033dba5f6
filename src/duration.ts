/** Lengths of time, for people. */
export function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(ms < 10_000 ? 1 : 0)} s`;
}

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;

/** `3.6 s`, `4 min 10 s`, `2 h 5 min`. */
export function duration(ms: number): string {
  const whole = Math.max(0, ms);
  if (whole < MINUTE_MS) return seconds(whole);
  if (whole < HOUR_MS) {
    return `${Math.floor(whole / MINUTE_MS)} min ${Math.floor((whole % MINUTE_MS) / 1000)} s`;
  }
  return `${Math.floor(whole / HOUR_MS)} h ${Math.floor((whole % HOUR_MS) / MINUTE_MS)} min`;
}
