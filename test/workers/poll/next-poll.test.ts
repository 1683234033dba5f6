import { expect, it } from 'vitest';
import { loadConfig } from '../../../src/config/environment.js';
import type { PollData } from '../../../src/jobs/state/poll-state.js';
import type { PollPolicy } from '../../../src/polling/poll-policy.js';
import { nextPollDelayMs } from '../../../src/workers/poll/next-poll.js';

const CONFIG = loadConfig({
  REDIS_URL: 'redis://127.0.0.1',
  ATLAS_BASE_URL: 'https://atlas.example.com',
  ATLAS_CLIENT_ID: 'id',
  ATLAS_CLIENT_SECRET: 'secret',
  RESULTS_BUCKET: 'results',
  CALLBACK_CLIENT_ID: 'atlas',
  CALLBACK_CLIENT_SECRET: 'callback-secret',
});
const POLICY = {
  nextDelayMs: () => 3000,
  safetyNetDelayMs: () => 40_000,
} as unknown as PollPolicy;
const DATA = {
  productType: 'LOAN_APP',
  documentIds: ['001'],
  sentAt: 0,
  batchStartedAt: 0,
  roundsAfter: 0,
  scoped: true,
} as unknown as PollData;

it('while callbacks are silent polls come at the learnt times, and otherwise as a safety net', () => {
  const delay = (callbacksAreSilent: boolean, polls: number) =>
    nextPollDelayMs(
      { policy: POLICY, config: CONFIG, random: () => 0, heartbeat: { callbacksAreSilent } },
      DATA,
      { present: 0, polls },
      { now: 1000, deadlineMs: 3_600_000 },
    );
  expect([delay(false, 0), delay(false, 1)]).toEqual([40_000, CONFIG.POLL_MAX_MS]);
  expect([delay(true, 0), delay(true, 1)]).toEqual([3000, 3000]);
});
