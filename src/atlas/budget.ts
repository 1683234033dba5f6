/**
 * Whether a request may go out now. Every HTTP request asks, those for pages and tokens too. Two
 * things answer: the budget over all processes, and the block that a 429 puts on all of them.
 */
import type { Redis } from 'ioredis';
import pLimit from 'p-limit';
import { TransientError } from '../errors.js';
import { requestBudgetKey, requestsBlockedKey } from '../jobs/keys/redis-keys.js';
import { pause, unlessAborted } from '../timeouts.js';
import {
  ASK_BUDGET,
  BLOCK,
  emissionIntervalMs,
  MAX_LATENESS_MS,
  toleranceMs,
} from './budget-script.js';
import type { AtlasObserver, RequestClass } from './observer.js';
import { fromRedis } from './shared-state.js';

/** How long a request that may wait keeps asking. */
const TIMEOUT_MS = 10_000;
/** Between two questions of a request that may wait: often enough, and no burden to Redis. */
const MIN_ASK_MS = 20;
const MAX_ASK_MS = 500;
/** The block of a 429 without a usable Retry-After. It doubles while only 429s come. */
const DEFAULT_BLOCK_MS = 1_000;
const MAX_DEFAULT_BLOCK_MS = 30_000;
/** Blocked requests come back spread over as long as the block lasted, within these bounds. */
const MIN_SPREAD_MS = 1_000;
const MAX_SPREAD_MS = 30_000;

/** Nothing was sent, because the budget is spent: come back after `retryAfterMs`. Atlas is well. */
export class BudgetExceededError extends TransientError {
  constructor(message: string, retryAfterMs: number) {
    super('ATLAS_UNAVAILABLE', message, { retryAfterMs: Math.ceil(retryAfterMs) });
  }
}

/**
 * `mayWait`: requests that were already made are wasted without this one (a further page, a repeat
 * with a new token). It waits up to ten seconds, after others of its class and process. Any other
 * request is denied when its turn is more than a moment away.
 */
export interface BudgetQuestion {
  requestClass: RequestClass;
  mayWait: boolean;
}

export interface Budget {
  /** Resolves when the request may go out; throws BudgetExceededError, or the signal's reason. */
  take(question: BudgetQuestion, signal?: AbortSignal): Promise<void>;
  /** A 429 came: all processes hold for this long, or for a default. Returns the milliseconds. */
  block(wantedMs: number | undefined): Promise<number>;
  /** A response other than 429 came: the default block is short again. */
  responded(): void;
}

export function createBudget(options: {
  redis: Redis | undefined;
  keyPrefix: string;
  maxRequestsPerSecond: number;
  observer: AtlasObserver;
  random: () => number;
}): Budget {
  const { redis, observer, random } = options;
  const limiter =
    redis === undefined
      ? new LocalLimiter()
      : new SharedLimiter(redis, options.keyPrefix, options.maxRequestsPerSecond);
  const lines = { upload: pLimit(1), poll: pLimit(1) };
  let blockedUntil = 0;
  let streak = 0;

  /** Asks until the request is granted, or until waiting on would take too long. */
  async function admit(question: BudgetQuestion, timeoutAt: number, signal?: AbortSignal) {
    for (;;) {
      signal?.throwIfAborted();
      const asked = performance.now();
      const verdict = await limiter.ask(question);
      if (verdict.kind === 'granted') return { startsAt: asked + verdict.waitMs };
      const again =
        verdict.kind === 'blocked'
          ? verdict.waitMs
          : Math.min(MAX_ASK_MS, Math.max(MIN_ASK_MS, verdict.againMs));
      if (performance.now() + again > timeoutAt) throw denial(verdict);
      await pause(again, signal);
    }
  }

  function denial(verdict: Exclude<Verdict, { kind: 'granted' }>): BudgetExceededError {
    if (verdict.kind === 'denied') {
      return new BudgetExceededError('the budget of requests is spent', verdict.lineMs);
    }
    const spread = Math.min(MAX_SPREAD_MS, Math.max(MIN_SPREAD_MS, verdict.waitMs));
    return new BudgetExceededError(
      'Atlas asked for fewer requests (429); all wait until it takes them again',
      verdict.waitMs + random() * spread,
    );
  }

  async function waitForTurn(question: BudgetQuestion, signal: AbortSignal | undefined) {
    const timeoutAt = performance.now() + (question.mayWait ? TIMEOUT_MS : 0);
    for (;;) {
      const admitted = () => admit(question, timeoutAt, signal);
      const { startsAt } = question.mayWait
        ? await unlessAborted(lines[question.requestClass](admitted), signal)
        : await admitted();
      const waitMs = startsAt - performance.now();
      if (waitMs > 0) await pause(waitMs, signal);
      // A process that stood still must not send in one moment all that piled up.
      if (performance.now() - startsAt <= MAX_LATENESS_MS || !limiter.paced) return;
    }
  }

  return {
    async take(question, signal) {
      const asked = performance.now();
      let granted = false;
      try {
        await waitForTurn(question, signal);
        granted = true;
      } finally {
        const seconds = (performance.now() - asked) / 1000;
        observer.budgetAsked?.({ requestClass: question.requestClass, seconds, granted });
      }
    },
    async block(wantedMs) {
      const now = performance.now();
      if (now >= blockedUntil) streak += 1;
      const doubledMs = DEFAULT_BLOCK_MS * 2 ** Math.max(0, streak - 1);
      const milliseconds = wantedMs || Math.min(MAX_DEFAULT_BLOCK_MS, doubledMs);
      blockedUntil = Math.max(blockedUntil, now + milliseconds);
      await limiter.block(milliseconds);
      observer.blocked?.({ milliseconds });
      return milliseconds;
    },
    responded() {
      streak = 0;
    },
  };
}

type Verdict =
  | { kind: 'granted'; waitMs: number }
  | { kind: 'blocked'; waitMs: number }
  | { kind: 'denied'; againMs: number; lineMs: number };

/** Budget and block over all processes. */
class SharedLimiter {
  readonly paced: boolean;
  private readonly keys: [block: string, budget: string];
  private readonly intervalMs: number;
  private readonly toleranceMs: number;
  private askedThisTurn: Promise<Verdict> | undefined;

  constructor(
    private readonly redis: Redis,
    keyPrefix: string,
    maxRequestsPerSecond: number,
  ) {
    this.paced = maxRequestsPerSecond > 0;
    this.intervalMs = this.paced ? emissionIntervalMs(maxRequestsPerSecond) : 0;
    this.toleranceMs = toleranceMs(this.intervalMs);
    this.keys = [requestsBlockedKey(keyPrefix), requestBudgetKey(keyPrefix)];
  }

  /** Without a budget the answer is the same for all who ask in one turn of the event loop. */
  ask(question: BudgetQuestion): Promise<Verdict> {
    if (this.paced) return this.askRedis(question);
    if (this.askedThisTurn === undefined) {
      this.askedThisTurn = this.askRedis(question);
      setImmediate(() => {
        this.askedThisTurn = undefined;
      });
    }
    return this.askedThisTurn;
  }

  private async askRedis({ requestClass, mayWait }: BudgetQuestion): Promise<Verdict> {
    const otherClass = requestClass === 'upload' ? 'poll' : 'upload';
    const args = [requestClass, otherClass, this.intervalMs, this.toleranceMs, mayWait ? 1 : 0];
    const [kind, first, second] = await fromRedis(ASK_BUDGET.run(this.redis, this.keys, args));
    if (kind === 'granted' || kind === 'blocked') return { kind, waitMs: Number(first) };
    return { kind: 'denied', againMs: Number(first), lineMs: Number(second) };
  }

  async block(milliseconds: number): Promise<void> {
    const wholeMs = Math.max(1, Math.ceil(milliseconds));
    await fromRedis(BLOCK.run(this.redis, [this.keys[0]], [wholeMs]));
  }
}

/** Without Redis (the doctor, tools): no budget, and a block holds this process alone. */
class LocalLimiter {
  readonly paced = false;
  private blockedUntil = 0;

  async ask(_question: BudgetQuestion): Promise<Verdict> {
    const waitMs = this.blockedUntil - performance.now();
    return waitMs > 0 ? { kind: 'blocked', waitMs } : { kind: 'granted', waitMs: 0 };
  }

  async block(milliseconds: number): Promise<void> {
    this.blockedUntil = Math.max(this.blockedUntil, performance.now() + milliseconds);
  }
}
