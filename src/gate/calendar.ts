/** Days of a time zone, as the quota counts them. */
import type { Clock } from '../redis/clock.js';

/** A calendar day has an hour more or less where clocks change; none has this many. */
const LONGEST_DAY_MS = 26 * 3_600_000;

export class Calendar {
  private readonly format: Intl.DateTimeFormat;
  /** The day that was asked for last, and the times of which it is known that they are in it. */
  private known = { day: '', from: 0, until: 0 };

  /** @param timeZone of the IANA list, such as `Asia/Kolkata`. Throws RangeError for another. */
  constructor(
    private readonly clock: Clock,
    timeZone: string,
  ) {
    const [year, month, day] = ['numeric', '2-digit', '2-digit'] as const;
    this.format = new Intl.DateTimeFormat('en-CA', { timeZone, year, month, day });
  }

  today(): string {
    return this.dayOf(this.clock.now());
  }

  /** When today ends, in milliseconds since 1970. */
  endOfToday(): number {
    this.today();
    return this.known.until;
  }

  /** Such as `2026-11-23`: later days sort after earlier ones. */
  dayOf(ms: number): string {
    const { from, until } = this.known;
    if (ms < from || ms >= until)
      this.known = { day: this.format.format(ms), from: ms, until: this.endOfDay(ms) };
    return this.known.day;
  }

  /** The first millisecond of the next day, by halving. */
  private endOfDay(ms: number): number {
    const day = this.format.format(ms);
    let [within, after] = [Math.floor(ms), Math.floor(ms) + LONGEST_DAY_MS];
    while (after - within > 1) {
      const middle = Math.floor((within + after) / 2);
      if (this.format.format(middle) === day) within = middle;
      else after = middle;
    }
    return after;
  }
}

/** What is wrong with the name of a time zone, as the end of a sentence; undefined when it will do. */
export function timeZoneIssue(name: string): string | undefined {
  try {
    new Intl.DateTimeFormat('en', { timeZone: name });
    return undefined;
  } catch {
    return 'must be a time zone of the IANA list, such as UTC or Asia/Kolkata';
  }
}
