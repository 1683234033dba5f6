/** The result of one check. */
export interface Finding {
  /** `error`: it will not work, or loses batches. `warning`: it works, until something else fails. */
  level: 'ok' | 'warning' | 'error';
  /** What was checked. */
  subject: 'Node' | 'configuration' | 'proxy' | 'Redis' | 'S3' | 'Atlas' | 'webhook' | 'clock';
  /** What was found, in one sentence. */
  text: string;
  /** What to do about it. Absent when all is well. */
  fix?: string;
}

/** How far another clock is ahead of this host's. */
export interface ClockReading {
  whose: string;
  aheadMs: number;
}

export interface CheckResult {
  findings: Finding[];
  /** The clocks of those that answered with a time. */
  clocks: ClockReading[];
}
