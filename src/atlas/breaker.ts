/**
 * The circuit breaker of one process: polls a dead Atlas more gently than a live one.
 *
 * Closed, requests go out. After {@link FAILURES_TO_OPEN} in a row that say that Atlas may be down
 * (no response, 5xx, an unusable response, a token it will not have) it opens: everything is turned
 * away at once, except one probe at a time. A 429 is no failure, Atlas is well; it has its block.
 * A probe that is answered closes the circuit.
 */
import {
  BrokenCircuitError,
  CircuitState,
  ConsecutiveBreaker,
  circuitBreaker,
  handleWhenResult,
  IterableBackoff,
} from 'cockatiel';
import { PermanentError, type Reason, TransientError, UnknownBatchError } from '../errors.js';
import type { BreakerState } from './observer.js';
import { ResponseError } from './response-errors.js';

/** Rare enough by chance (a third of all requests failing: one in 6,500), soon enough in need. */
const FAILURES_TO_OPEN = 8;
/** From one probe to the next. A probe can be three requests, and the aim is under one a second. */
const PROBE_INTERVALS_MS = [1_500, 2_500, 4_000, 5_000];
/**
 * Those turned away come back after about as long as the outage has lasted: tens of thousands of
 * waiting jobs cost little, and none waits much longer than it had to.
 */
const MIN_COME_BACK_MS = 2_000;
const MAX_COME_BACK_MS = 30_000;

const STATE_NAMES = {
  [CircuitState.Closed]: 'closed',
  [CircuitState.HalfOpen]: 'half-open',
  [CircuitState.Open]: 'open',
  [CircuitState.Isolated]: 'open',
} as const satisfies Record<CircuitState, BreakerState>;

/** How an attempt ended, for the policy: its errors are values, so that each counts as it should. */
type Settled<T> = { value: T } | { error: unknown; down: boolean };

export class Breaker {
  private readonly policy;
  private openedAt: number | undefined;
  /** What failed last: a batch whose deadline comes while the circuit is open ends with it. */
  private lastFailure: Reason = { code: 'ATLAS_UNAVAILABLE', message: 'it does not answer' };

  constructor(
    private readonly options: { random: () => number; onChange: (state: BreakerState) => void },
  ) {
    this.policy = circuitBreaker(
      handleWhenResult((settled) => isSettled(settled) && 'down' in settled && settled.down),
      {
        halfOpenAfter: new IterableBackoff(PROBE_INTERVALS_MS),
        breaker: new ConsecutiveBreaker(FAILURES_TO_OPEN),
      },
    );
    this.policy.onStateChange((state) => {
      if (state === CircuitState.Closed) this.openedAt = undefined;
      if (state === CircuitState.Open) this.openedAt ??= performance.now();
      options.onChange(STATE_NAMES[state]);
    });
  }

  /**
   * Makes the attempt, telling it whether it is the probe, or throws TransientError (nothing was
   * sent) at once. Rejects as the attempt does.
   */
  async run<T>(attempt: (probe: boolean) => Promise<T>): Promise<T> {
    const { state } = this.policy;
    if (state === CircuitState.HalfOpen) throw this.turnedAway();
    const probe = state === CircuitState.Open;
    let settled: Settled<T>;
    try {
      settled = await this.policy.execute(() => settle(attempt(probe), probe));
    } catch (error) {
      throw error instanceof BrokenCircuitError ? this.turnedAway() : error;
    }
    if ('value' in settled) return settled.value;
    if (settled.down && settled.error instanceof ResponseError) {
      this.lastFailure = settled.error.reason;
    }
    throw settled.error;
  }

  private turnedAway(): TransientError {
    const lasted = performance.now() - (this.openedAt ?? performance.now());
    const least = Math.min(MAX_COME_BACK_MS, Math.max(MIN_COME_BACK_MS, lasted / 2));
    const { code, message } = this.lastFailure;
    return new TransientError(
      code,
      `Atlas is failing (${message}); until it answers this process asks it rarely`,
      { retryAfterMs: Math.round(least * (1 + this.options.random())) },
    );
  }
}

/**
 * Errors that say nothing of Atlas (a spent budget, an abort, Redis away) pass through uncounted;
 * but a probe that ends so has not shown that Atlas is back.
 */
async function settle<T>(attempt: Promise<T>, probe: boolean): Promise<Settled<T>> {
  try {
    return { value: await attempt };
  } catch (error) {
    if (error instanceof ResponseError) return { error, down: error.row.countsAsOutage === true };
    if (error instanceof UnknownBatchError) return { error, down: false };
    if (error instanceof PermanentError && error.code === 'ATLAS_REJECTED') {
      return { error, down: false };
    }
    if (probe) return { error, down: true };
    throw error;
  }
}

function isSettled(value: unknown): value is Settled<unknown> {
  return typeof value === 'object' && value !== null;
}
