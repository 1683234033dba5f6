import { expect, it } from 'vitest';
import { type BatchContext, isPastDeadline } from '../../../src/workers/batch/batch-context.js';

it.each([
  [-1000, false],
  [-50, true],
  [0, true],
])(
  'a batch that re-enters %d ms from its deadline begins another round only when no clock of another worker can have passed it',
  (offset, isPast) => {
    const run = {
      state: { startedAt: 1000 },
      context: { clock: { now: () => 61_000 + offset }, config: { BATCH_DEADLINE_MS: 60_000 } },
    };
    expect(isPastDeadline(run as BatchContext)).toBe(isPast);
  },
);
