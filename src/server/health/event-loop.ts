/** Whether this process still gets round to its work. */

/** How often the event loop is checked. */
const SAMPLE_INTERVAL_MS = 500;
/** The worst of the last so many samples counts: ten seconds, the usual interval of a health check. */
const KEPT_SAMPLES = 20;
/** Nothing that we do takes a second in one go; a process that is late by this much is stuck. */
const STUCK_MS = 5000;

export interface EventLoopWatch {
  /** How late the process came round at worst in the last ten seconds, in milliseconds. */
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
