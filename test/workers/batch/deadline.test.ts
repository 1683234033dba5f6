import { expect, it } from 'vitest';
import { type BatchContext, isPastDeadline } from '../../../src/workers/batch/batch-context.js';

const STARTED_AT = 1000;
const DEADLINE_AT = 61_000;

it.each([
  { offset: -1, pollEnded: null, isPast: false },
  { offset: 0, pollEnded: null, isPast: true },
  { offset: -1, pollEnded: -1, isPast: false },
  { offset: -1, pollEnded: 0, isPast: true },
  { offset: -500, pollEnded: 3, isPast: true },
])(
  'a batch that re-enters $offset ms from its deadline, where a poll ended $pollEnded ms from it, is past it: $isPast',
  async ({ offset, pollEnded, isPast }) => {
    const result = pollEnded === null ? null : { endedAt: DEADLINE_AT + pollEnded };
    const run = {
      request: { reference: 'r' },
      job: { timestamp: 1 },
      state: { startedAt: STARTED_AT, uploads: [{ result: null }, { result }] },
      context: {
        clock: { now: () => DEADLINE_AT + offset },
        redis: { mget: async () => [null, null, null] },
        config: { BATCH_DEADLINE_MS: DEADLINE_AT - STARTED_AT },
      },
    };
    expect(await isPastDeadline(run as unknown as BatchContext)).toBe(isPast);
  },
);
