/**
 * What a job's lost entries mean. Pure.
 *
 * Who had the job is noted with each entry once one was lost; whose worker has not beaten since, while others
 * could, is a death, as for receipts. A stall in which the worker lives is none. Nobody waits for that
 * verdict before it matters: the job of a killed worker goes on at once.
 */
import type { LostEntries } from '../../jobs/state/lost-entries.js';

/** One or two are bad luck: a deploy, a host. From the third on the job waits, so that others get on. */
const SUSPICIOUS_DEATHS = 3;
const WAITS_MS = [60_000, 5 * 60_000, 15 * 60_000];
/** The job is what kills: it ends. */
export const MAX_DEATHS = SUSPICIOUS_DEATHS + WAITS_MS.length;
/** Of an entry that nobody noted, no more is known later. */
const UNNOTED_TIMEOUT_MS = 20_000;

/** What a worker knows of the others. */
export interface OtherWorkers {
  isSilent(id: string): boolean;
  /** Redis time in ms; null when none was seen. */
  lastBeatOf(id: string): number | null;
  /** Workers that have fallen silent lately. */
  readonly silentCount: number;
}

interface Entry {
  stalledCounter: number;
  /** `stalledCounter` when the run of the job began. */
  stallsBefore: number;
  /** Id of our own heartbeat. */
  worker: string;
  now: number;
}

/** Undefined while no entry was lost, which is nearly always. */
export function noteLostEntries(
  lost: LostEntries | undefined,
  { stalledCounter, stallsBefore, worker, now }: Entry,
): LostEntries | undefined {
  const more = stalledCounter - (lost?.stalls ?? stallsBefore);
  if (lost === undefined && more <= 0) return undefined;
  const holders = Array.from({ length: Math.max(0, more) }, (_, i) =>
    i === 0 ? (lost?.holder ?? null) : null,
  );
  return {
    deaths: 0,
    waitedFor: 0,
    ...lost,
    stalls: stalledCounter,
    holder: worker,
    suspects: [
      ...(lost?.suspects ?? []),
      // More than can matter would only fill the state.
      ...holders.map((holder) => ({ holder, at: now })),
    ].slice(-2 * MAX_DEATHS),
  };
}

/** Those that are known by now become deaths, or are forgotten. */
export function judgeLostEntries(
  lost: LostEntries,
  others: OtherWorkers,
  now: number,
): LostEntries {
  let deaths = lost.deaths;
  // Each of the silent may have had one of those that nobody noted.
  let unnotedDeaths = others.silentCount;
  const suspects = lost.suspects.filter(({ holder, at }) => {
    const died = holder === null ? unnotedDeaths-- > 0 : others.isSilent(holder);
    const lives =
      holder === null ? now - at > UNNOTED_TIMEOUT_MS : (others.lastBeatOf(holder) ?? 0) > at;
    if (lives) return false;
    if (died) deaths += 1;
    return !died;
  });
  return { ...lost, suspects, deaths };
}

export type LostDecision =
  | { next: 'go-on' }
  /** It matters whether another one died, and that is known within seconds. */
  | { next: 'ask-again' }
  | { next: 'wait'; lost: LostEntries; delayMs: number; message: string }
  /** It waits still. */
  | { next: 'sleep'; delayMs: number }
  /** `isNew` the first time. */
  | { next: 'end'; lost: LostEntries; isNew: boolean; message: string };

/** @param what it is that they had, such as `this batch` */
export function decideOnLost(lost: LostEntries, now: number, what: string): LostDecision {
  const { deaths, suspects, waitedFor, until = 0 } = lost;
  const message = `workers died ${deaths} times while they had ${what}`;
  if (deaths >= MAX_DEATHS) {
    const told = { ...lost, waitedFor: deaths };
    return { next: 'end', lost: told, isNew: deaths > waitedFor, message };
  }
  if (until > now) return { next: 'sleep', delayMs: until - now };
  if (deaths >= SUSPICIOUS_DEATHS && deaths > waitedFor) {
    const delayMs = WAITS_MS[deaths - SUSPICIOUS_DEATHS] ?? 0;
    const minutes = Math.round(delayMs / 60_000);
    return {
      next: 'wait',
      lost: { ...lost, waitedFor: deaths, until: now + delayMs },
      delayMs,
      message: `${message}; it is tried again in ${minutes} min, and ends at the ${MAX_DEATHS}th time`,
    };
  }
  const mayBe = deaths + suspects.length;
  return mayBe >= SUSPICIOUS_DEATHS && suspects.length > 0
    ? { next: 'ask-again' }
    : { next: 'go-on' };
}
