/** The bounds that a process goes by, and the days of its quota: what all workers that live have agreed on. */
import type { Clock } from '../redis/clock.js';
import { Calendar } from './calendar.js';
import { asText, type LiveBounds, strictest } from './live-bounds.js';

export interface BoundsConfig {
  ATLAS_MAX_DOCUMENTS_IN_FLIGHT: number;
  ATLAS_MAX_DOCUMENTS_PER_DAY: number;
  QUOTA_TIMEZONE: string;
}

export class AgreedBounds implements LiveBounds {
  limit: number;
  quota: number;
  timeZone: string;
  calendar: Calendar;
  /** As this process says them to the others; '' for none. */
  readonly own: string;

  /** Until others are heard they are those of the configuration. */
  constructor(
    private readonly config: BoundsConfig,
    private readonly clock: Clock,
  ) {
    this.limit = config.ATLAS_MAX_DOCUMENTS_IN_FLIGHT;
    this.quota = config.ATLAS_MAX_DOCUMENTS_PER_DAY;
    this.timeZone = config.QUOTA_TIMEZONE;
    this.own = asText(this);
    this.calendar = new Calendar(clock, this.timeZone);
  }

  get areAny(): boolean {
    return this.limit > 0 || this.quota > 0;
  }

  /** @param said by all that live */
  adopt(said: readonly string[]): void {
    const { timeZone } = this;
    Object.assign(this, strictest(said, this.config.QUOTA_TIMEZONE));
    if (this.timeZone !== timeZone) this.calendar = new Calendar(this.clock, this.timeZone);
  }
}
