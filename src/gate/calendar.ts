/** Days of a time zone, as the quota counts them. */
import type { Clock } from '../redis/clock.js';

/** A calendar day has an hour more or less where clocks change; none has this many. */
export const LONGEST_DAY_MS = 26 * 3_600_000;

/** Its name, such as `2026-11-23`, its first millisecond since 1970, and that of the next one. */
export interface Day {
  day: string;
  from: number;
  until: number;
}

export class Calendar {
  private readonly format: Intl.DateTimeFormat;
  /** The day that was asked for last. */
  private known: Day = { day: '', from: 0, until: 0 };

  /** @param timeZone of the IANA list, such as `Asia/Kolkata`. Throws RangeError for another. */
  constructor(
    private readonly clock: Clock,
    timeZone: string,
  ) {
    const [year, month, day] = ['numeric', '2-digit', '2-digit'] as const;
    this.format = new Intl.DateTimeFormat('en-CA', { timeZone, year, month, day });
  }

  today(): Day {
    return this.spanOf(this.clock.now());
  }

  /** Such as `2026-11-23`: later days sort after earlier ones. */
  dayOf(ms: number): string {
    return this.spanOf(ms).day;
  }

  private spanOf(ms: number): Day {
    const { from, until } = this.known;
    if (ms < from || ms >= until) {
      const at = Math.floor(ms);
      const from = this.edgeOf(at, -LONGEST_DAY_MS) + 1;
      this.known = { day: this.format.format(at), from, until: this.edgeOf(at, LONGEST_DAY_MS) };
    }
    return this.known;
  }

  /** The first millisecond of another day on the way from one to a time that is in another one, by halving. */
  private edgeOf(ms: number, wayMs: number): number {
    const day = this.format.format(ms);
    let [within, outside] = [ms, ms + wayMs];
    while (Math.abs(outside - within) > 1) {
      const middle = Math.floor((within + outside) / 2);
      if (this.format.format(middle) === day) within = middle;
      else outside = middle;
    }
    return outside;
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
