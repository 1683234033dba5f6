/**
 * The circuit breaker of one process. It sends few requests to an Atlas that is down.
 *
 * While the circuit is closed, requests go out. It opens after {@link FAILURES_TO_OPEN} failures in
 * a row that say that Atlas may be down: no response, a 5xx, an unusable response, or a refused
 * token. While it is open, requests are turned away at once, but for one probe at a time. A probe
 * that gets a response closes it. A 429 is no failure: Atlas is well, and the block of the budget
 * deals with it.
 */
import {
  BrokenCircuitError,
  CircuitState,
  ConsecutiveBreaker,
  circuitBreaker,
  handleWhenResult,
  IterableBackoff,
} from 'cockatiel';
import { BatchError, type Reason, TransientError } from '../errors.js';
import { isObject } from '../json.js';
import type { BreakerState } from './observer.js';
import { ResponseError } from './response-table.js';

/** When a third of all requests fail by chance, one run in 6,500 is this long. */
const FAILURES_TO_OPEN = 8;
/** From one probe to the next. A probe can be three requests; the aim is under one per second. */
const PROBE_INTERVALS_MS = [1_500, 2_500, 4_000, 5_000];
/**
 * Jobs that are turned away come back after about as long as the outage has lasted. So tens of
 * thousands of waiting jobs cost little, and none waits much longer than it has to.
 */
const MIN_COME_BACK_MS = 2_000;
const MAX_COME_BACK_MS = 30_000;

const STATE_NAMES = {
  [CircuitState.Closed]: 'closed',
  [CircuitState.HalfOpen]: 'half-open',
  [CircuitState.Open]: 'open',
  [CircuitState.Isolated]: 'open',
} as const satisfies Record<CircuitState, BreakerState>;

/** How an attempt ended. Its error is a value, so that the policy counts only some of them. */
type AttemptResult<T> = { value: T } | { error: unknown; down: boolean };

export class Breaker {
  private readonly policy;
  private openedAt: number | undefined;
  /** What failed last. A batch whose deadline comes while the circuit is open ends with it. */
  private lastFailure: Reason = { code: 'ATLAS_UNAVAILABLE', message: 'it does not answer' };

  constructor(
    private readonly options: { random: () => number; onChange: (state: BreakerState) => void },
  ) {
    this.policy = circuitBreaker(
      handleWhenResult((result) => isObject(result) && result.down === true),
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
   * Makes the attempt, which is told whether it is the probe. Rejects when the attempt does, and
   * with a TransientError (nothing was sent) when the circuit is open.
   */
  async run<T>(attempt: (probe: boolean) => Promise<T>): Promise<T> {
    const { state } = this.policy;
    if (state === CircuitState.HalfOpen) throw this.turnedAway();
    const probe = state === CircuitState.Open;
    let result: AttemptResult<T>;
    try {
      result = await this.policy.execute(() => resultOf(attempt(probe), probe));
    } catch (error) {
      throw error instanceof BrokenCircuitError ? this.turnedAway() : error;
    }
    if ('value' in result) return result.value;
    if (result.down && result.error instanceof ResponseError) {
      this.lastFailure = result.error.reason;
    }
    throw result.error;
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
 * An error that says nothing about Atlas (a spent budget, an abort, Redis away) is thrown and not
 * counted. After a probe it counts: the probe has not shown that Atlas is back.
 */
async function resultOf<T>(attempt: Promise<T>, probe: boolean): Promise<AttemptResult<T>> {
  try {
    return { value: await attempt };
  } catch (error) {
    if (error instanceof ResponseError) return { error, down: error.row.countsAsOutage === true };
    // A refusal or a 404: Atlas is well.
    if (error instanceof BatchError && error.code === 'ATLAS_REJECTED') {
      return { error, down: false };
    }
    if (probe) return { error, down: true };
    throw error;
  }
}
