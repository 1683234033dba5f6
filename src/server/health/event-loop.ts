/** Watches whether the event loop of this process is blocked. */

/** Time between two samples. */
const SAMPLE_INTERVAL_MS = 500;
/** The worst of so many samples counts: those of ten seconds, the usual interval of health checks. */
const KEPT_SAMPLES = 20;
/** No task of ours blocks the event loop for a second, so a lag of this much means that it is stuck. */
const STUCK_MS = 5000;

export interface EventLoopWatch {
  /** The longest delay of a timer in the last ten seconds, in milliseconds. */
  worstLagMs(): number;
  isStuck(): boolean;
  stop(): void;
}

export function watchEventLoop(options: { stuckMs?: number } = {}): EventLoopWatch {
  const stuckMs = options.stuckMs ?? STUCK_MS;
  const samples: number[] = [];
  let expectedAt = performance.now() + SAMPLE_INTERVAL_MS;
  const timer = setInterval(() => {
    const now = performance.now();
    samples.push(Math.max(0, now - expectedAt));
    samples.splice(0, samples.length - KEPT_SAMPLES);
    expectedAt = now + SAMPLE_INTERVAL_MS;
  }, SAMPLE_INTERVAL_MS);
  timer.unref();
  const worstLagMs = () => Math.round(Math.max(performance.now() - expectedAt, 0, ...samples));
  return {
    worstLagMs,
    isStuck: () => worstLagMs() > stuckMs,
    stop: () => clearInterval(timer),
  };
}
