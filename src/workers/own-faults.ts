/**
 * What this process cannot do because of how it is configured, where others may: a bucket that its list
 * lacks, credentials that S3 does not take. That is no batch's fault. Its jobs sleep for a moment, and
 * this process takes no batch meanwhile, so that others get them.
 */
import type { OwnFaultError, ReasonCode } from '../errors.js';
import { createRepeatedWarnings, type WarnOfError } from '../logging/repeated-lines.js';
import type { Logger } from '../logging.js';

/** Jobs come back after a second or two. Without a pause this process would have them first, and often. */
const INTAKE_PAUSE_MS = 1000;
/** After so long without another one, this process is taken for rightly configured. */
const REMEMBERED_MS = 60_000;

export class OwnFaults {
  private readonly warn: WarnOfError;
  private last: { message: string; at: number } | undefined;

  constructor(private readonly options: { logger: Logger; onFault: (code: ReasonCode) => void }) {
    this.warn = createRepeatedWarnings(options.logger);
  }

  note({ code, message }: OwnFaultError): void {
    this.last = { message, at: performance.now() };
    this.options.onFault(code);
    this.warn(undefined, `this worker is not configured for what it is asked to do: ${message}`);
  }

  /** Whether this process leaves batches to others. */
  get holdIntake(): boolean {
    return this.ageMs < INTAKE_PAUSE_MS;
  }

  /** The latest one; null when there was none lately. */
  get latest(): string | null {
    return this.ageMs < REMEMBERED_MS ? (this.last?.message ?? null) : null;
  }

  private get ageMs(): number {
    return performance.now() - (this.last?.at ?? Number.NEGATIVE_INFINITY);
  }
}
