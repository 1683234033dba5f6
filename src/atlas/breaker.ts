/**
 * The circuit breaker of one process. It sends few requests to an Atlas that is down.
 *
 * While the circuit is closed, requests go out. It opens after {@link FAILURES_TO_OPEN} failures in a
 * row that say that Atlas may be down: no response, a 5xx, a gateway's web page, or a refused token.
 * They have to come from several batches, and nothing may have passed for a moment: a few bad batches
 * are nobody else's. Those that fail while others pass do not count at all. While it is open, requests
 * are turned away at once, but for one probe at a time. A probe that gets a response closes it. A 429
 * is no failure: Atlas is well, and the block of the budget deals with it.
 *
 * A probe of the breaker's own asks for a token, and that Atlas gives one says nothing of uploads and polls: it closes
 * the circuit on trial. The next request decides, and no other goes out beside it.
 */
import { BatchError, type Reason, TurnedAwayError } from '../errors.js';
import type { FailingBatches } from './failing-batches.js';
import type { BreakerState } from './observer.js';
import { ResponseError } from './responses/response-errors.js';

/** When a third of all requests fail by chance, one run in 6,500 is this long. */
const FAILURES_TO_OPEN = 8;
/** Fewer could be of one kind by chance. A process that has fewer batches needs no breaker. */
const BATCHES_TO_OPEN = 3;
/** Failures that come together between two requests that pass say nothing of Atlas. */
const MIN_LULL_MS = 500;
/** From one probe to the next. A probe can be three requests; the aim is under one per second. */
const PROBE_INTERVALS_MS = [1_500, 2_500, 4_000, 5_000];
/** Between two tries of our own to be the probe, where somebody else was at the time for it. */
const PROBE_EVERY_MS = 1000;
/** Failures of a shorter time are told by the batches that met them. */
const MIN_OUTAGE_MS = 10_000;
/** Longer ago, a failure says nothing of now: nobody has asked since. */
const FRESH_FAILURE_MS = 120_000;
/** What such a probe is made for: no reference is empty. */
const NO_BATCH = '';
/**
 * A probe is left to batches that have not failed in this outage, for so long: where a few bad batches
 * have opened the circuit, any other closes it.
 */
const OTHERS_FIRST_MS = 3_000;
/**
 * The same of the request of a trial. Others are in line until then: a sweep, the intake and a fetch take a second each,
 * and thrice that on a busy machine. Where those that have failed came first, they opened the circuit again each time.
 */
const OTHERS_FIRST_ON_TRIAL_MS = 8_000;
/**
 * Jobs that are turned away come back after about as long as the outage has lasted. So tens of
 * thousands of waiting jobs cost little, and none waits much longer than it has to.
 */
const MIN_COME_BACK_MS = 2_000;
const MAX_COME_BACK_MS = 30_000;

/** How an attempt ended. Its error is a value, so that the policy counts only some of them. */
type AttemptResult<T> = { value: T } | { error: unknown; down: boolean };

export class Breaker {
  private state: BreakerState = 'closed';
  /** In a row, without those of batches that are known to fail. */
  private failures = 0;
  /** The batches that they are of, and those whose probes have failed. */
  private readonly failed = new Set<string>();
  /** Failed probes of this outage. */
  private probes = 0;
  /** Whether only a probe of our own has passed since the circuit opened. */
  private isOnTrial = false;
  /** All three on the monotonic clock, so that a clock that is set back holds no probe up. */
  private passedAt = Number.NEGATIVE_INFINITY;
  private openedAt = 0;
  private nextProbeAt = 0;
  private timer: NodeJS.Timeout | undefined;
  /** Since when nothing has passed, and when something failed last, both on the monotonic clock. */
  private failingSince: number | undefined;
  private failedAt = 0;
  /** What failed last. A batch whose deadline comes while the circuit is open ends with it. */
  private lastFailure: Reason = { code: 'ATLAS_UNAVAILABLE', message: 'it does not answer' };

  constructor(
    private readonly options: {
      failing: FailingBatches;
      random: () => number;
      onChange: (state: BreakerState) => void;
      /** A request without an effect. While the circuit is open no upload is sent that could be the probe. */
      probe?: () => Promise<unknown>;
    },
  ) {}

  /** Why requests are turned away; null while they go out. */
  get whyOpen(): Reason | null {
    return this.state === 'closed' ? null : this.lastFailure;
  }

  /**
   * For how long Atlas has not answered this process; null while it does, as far as anybody asks. Also of a
   * few batches, which open no circuit.
   */
  get outage(): { forMs: number; reason: Reason; circuitOpen: boolean } | null {
    const now = performance.now();
    const forMs = now - (this.failingSince ?? now);
    const circuitOpen = this.state !== 'closed';
    const isFresh = now - this.failedAt < FRESH_FAILURE_MS;
    if (!circuitOpen && (forMs < MIN_OUTAGE_MS || !isFresh)) return null;
    return { forMs, reason: this.lastFailure, circuitOpen };
  }

  /** Failures in a row of this process, without those of batches that fail while others pass. */
  get failuresInRow(): number {
    return this.failures;
  }

  /**
   * Makes the attempt, which is told whether it is the probe of an open circuit. Rejects when the attempt does,
   * and with a TurnedAwayError (nothing was sent) when the circuit is open.
   * @param batch What the attempt is made for.
   */
  async run<T>(batch: string, attempt: (probe: boolean) => Promise<T>): Promise<T> {
    const isTrial = this.isOnTrial;
    const mayPass = this.state === 'closed' && !isTrial;
    const probe =
      !mayPass && this.state !== 'half-open' && performance.now() >= this.probeAt(batch);
    if (!mayPass && !probe) throw this.turnedAway();
    if (probe) this.change('half-open');
    const result = await this.resultOf(attempt(probe && !isTrial), { probe, isTrial });
    if (!('value' in result) && result.down) this.fail(batch, probe, result.error);
    else if (batch === NO_BATCH) this.closeOnTrial();
    else this.succeeded(batch, probe);
    if ('value' in result) return result.value;
    throw result.error;
  }

  /**
   * An error that says nothing about Atlas (a spent budget, an abort, Redis away) is thrown and not
   * counted. After a probe it counts: the probe has not shown that Atlas is back. After the request of a trial the
   * next one decides.
   */
  private async resultOf<T>(
    attempt: Promise<T>,
    { probe, isTrial }: { probe: boolean; isTrial: boolean },
  ): Promise<AttemptResult<T>> {
    try {
      return { value: await attempt };
    } catch (error) {
      if (error instanceof ResponseError) return { error, down: error.row.countsAsOutage === true };
      // A refusal or a 404: Atlas is well.
      if (error instanceof BatchError && error.code === 'ATLAS_REJECTED')
        return { error, down: false };
      if (probe && !isTrial) return { error, down: true };
      if (probe) this.change('closed');
      throw error;
    }
  }

  private probeAt(batch: string): number {
    const hasFailed = this.failed.has(batch) || this.options.failing.has(batch);
    const othersFirstMs = this.isOnTrial ? OTHERS_FIRST_ON_TRIAL_MS : OTHERS_FIRST_MS;
    return this.nextProbeAt + (hasFailed ? othersFirstMs : 0);
  }

  private closeOnTrial(): void {
    this.isOnTrial = true;
    this.nextProbeAt = performance.now();
    this.change('closed');
  }

  private succeeded(batch: string, probe: boolean): void {
    const { failing } = this.options;
    this.isOnTrial = false;
    failing.add(this.failed);
    failing.delete(batch);
    this.passedAt = performance.now();
    this.failures = 0;
    this.failingSince = undefined;
    this.failed.clear();
    if (probe) this.change('closed');
  }

  private fail(batch: string, probe: boolean, error: unknown): void {
    if (error instanceof ResponseError) this.lastFailure = error.reason;
    this.failedAt = performance.now();
    this.failingSince ??= this.failedAt;
    // Also of those that were under way when the circuit opened: the more are known, the fewer open it again.
    if (batch !== NO_BATCH) this.failed.add(batch);
    if (probe) this.open(this.probes + 1);
    if (this.options.failing.has(batch)) return;
    this.failures += 1;
    if (this.state !== 'closed' || this.isOnTrial) return;
    const now = performance.now();
    const isLull = now - this.passedAt >= MIN_LULL_MS;
    if (this.failures < FAILURES_TO_OPEN || this.failed.size < BATCHES_TO_OPEN || !isLull) return;
    this.openedAt = now;
    this.open(0);
  }

  private open(probes: number): void {
    this.isOnTrial = false;
    this.probes = probes;
    const last = PROBE_INTERVALS_MS.length - 1;
    this.nextProbeAt = performance.now() + (PROBE_INTERVALS_MS[Math.min(probes, last)] ?? 0);
    this.change('open');
  }

  stop(): void {
    clearTimeout(this.timer);
  }

  /** As soon as a probe may go out: before those of batches, of which hundreds may be bad. */
  private probeLater(delayMs = Math.ceil(this.nextProbeAt - performance.now())): void {
    const { probe } = this.options;
    clearTimeout(this.timer);
    if (!probe) return;
    this.timer = setTimeout(async () => {
      // The probe of a batch has closed it meanwhile.
      if (this.state === 'closed') return;
      await this.run(NO_BATCH, probe).catch(() => {});
      if (this.whyOpen !== null) this.probeLater(PROBE_EVERY_MS);
    }, delayMs).unref();
  }

  private change(state: BreakerState): void {
    this.state = state;
    if (state === 'open') this.probeLater();
    this.options.onChange(state);
  }

  private turnedAway(): TurnedAwayError {
    // A trial takes as long as one request, most often: who is turned away meanwhile comes back soon.
    const since = this.isOnTrial ? this.nextProbeAt : this.openedAt;
    const lasted = performance.now() - since;
    const least = Math.min(MAX_COME_BACK_MS, Math.max(MIN_COME_BACK_MS, lasted / 2));
    const { code, message } = this.lastFailure;
    return new TurnedAwayError(
      code,
      `Atlas is failing (${message}); until it answers this process asks it rarely`,
      { retryAfterMs: Math.round(least * (1 + this.options.random())) },
    );
  }
}
