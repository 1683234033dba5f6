import type { ClockReading, Finding } from './finding.js';

/** S3 accepts signatures of the last 15 minutes. A difference above a minute is no inaccuracy. */
const MAX_SKEW_MS = 60_000;

/** Compares the clock of this host with those that answered. Pure. */
export function checkClock(clocks: readonly ClockReading[]): Finding[] {
  const [worst] = [...clocks].sort((a, b) => Math.abs(b.aheadMs) - Math.abs(a.aheadMs));
  if (!worst) return [];
  const seconds = Math.abs(worst.aheadMs) / 1000;
  const text = `this host is ${seconds.toFixed(seconds < 10 ? 1 : 0)} s ${worst.aheadMs > 0 ? 'behind' : 'ahead of'} ${worst.whose}`;
  if (Math.abs(worst.aheadMs) <= MAX_SKEW_MS) return [{ level: 'ok', subject: 'clock', text }];
  const fix = `set the clock of this host (timedatectl set-ntp true), or that of ${worst.whose}`;
  return [{ level: 'error', subject: 'clock', text, fix }];
}
