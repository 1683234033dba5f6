/**
 * The learning policy behind the interface of simulators that count in seconds and know policies
 * as `next(context)` and `observe(record)`: `params.c` is the price of a poll in seconds of lag.
 */
import { createLearningPolicy } from '../../src/polling/learning-policy.js';

interface SecondsContext {
  product: string;
  total: number;
  present: number;
  elapsed: number;
  attempt: number;
  retryAfter: number;
  minInterval: number;
  maxInterval: number;
  deadline: number;
  random: () => number;
}

interface SecondsRecord {
  product: string;
  total: number;
  lo: number;
  /** Infinity for a time-out, whose deadline is then `lo`. */
  hi: number;
  timedOut: boolean;
  now: number;
  polls: readonly { t: number; present: number }[];
}

export default function create({ c = 1.5 }: { c?: number } = {}) {
  const policy = createLearningPolicy({ pollPriceMs: c * 1_000 });
  return {
    name: `learning c=${c}`,
    next: (context: SecondsContext): number =>
      policy.nextDelayMs({
        productType: context.product,
        total: context.total,
        present: context.present,
        elapsedMs: context.elapsed * 1_000,
        polls: context.attempt,
        retryAfterMs: context.retryAfter * 1_000,
        minMs: context.minInterval * 1_000,
        maxMs: context.maxInterval * 1_000,
        deadlineMs: context.deadline * 1_000,
        random: context.random,
      }) / 1_000,
    observe: (record: SecondsRecord): void => {
      const by = record.timedOut ? record.lo : record.hi;
      const sentAtMs = (record.now - by) * 1_000;
      policy.observe({
        productType: record.product,
        total: record.total,
        afterMs: record.lo * 1_000,
        byMs: by * 1_000,
        timedOut: record.timedOut,
        ...(sentAtMs > 0 ? { sentAtMs } : {}),
        negativePolls: record.polls.map(({ t, present }) => ({ elapsedMs: t * 1_000, present })),
      });
    },
  };
}
