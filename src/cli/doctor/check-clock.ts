import type { ClockReading, Finding } from './finding.js';

/** S3 accepts signatures of the last 15 minutes. A difference above a minute is no inaccuracy. */
const MAX_SKEW_MS = 60_000;

/** Less is what a request takes on its way. */
const AGREEMENT_MS = 100;
/** The header `Date` has whole seconds: the clock was there, or anywhere in the second after. */
const SECOND_MS = 1000;

/** How far the clock of a `Date` header is ahead of this time, at least. Both in milliseconds since 1970. */
export function aheadByHeader(headerMs: number, now: number): number {
  if (headerMs > now) return headerMs - now;
  return Math.min(0, headerMs + SECOND_MS - now);
}

/** Compares the clock of this host with those that answered. Pure. */
export function checkClock(clocks: readonly ClockReading[]): Finding[] {
  const [worst] = [...clocks].sort((a, b) => Math.abs(b.aheadMs) - Math.abs(a.aheadMs));
  if (!worst) return [];
  const seconds = Math.abs(worst.aheadMs) / 1000;
  if (Math.abs(worst.aheadMs) < AGREEMENT_MS) {
    const names = clocks.map(({ whose }) => whose).join(' and ');
    return [{ level: 'ok', subject: 'clock', text: `this host agrees with ${names}` }];
  }
  const text = `this host is ${seconds.toFixed(seconds < 10 ? 1 : 0)} s ${worst.aheadMs > 0 ? 'behind' : 'ahead of'} ${worst.whose}`;
  if (Math.abs(worst.aheadMs) <= MAX_SKEW_MS) return [{ level: 'ok', subject: 'clock', text }];
  const fix = `set the clock of this host (timedatectl set-ntp true), or that of ${worst.whose}`;
  return [{ level: 'error', subject: 'clock', text, fix }];
}
