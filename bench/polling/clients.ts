/**
 * Schedules of well-known clients, as their defaults have them. `scale` multiplies a client's own
 * time constants, so that each can be tuned from eager (below 1) to lazy (above).
 */
import { clampDelay, type PollContext, type PollPolicy } from '../../src/polling/poll-policy.js';

export interface Client {
  name: string;
  create(scale: number): PollPolicy;
}

/** The longest delay of each client, where it has one. */
const AWS_MAX_MS = 120_000;
const GOOGLE_MAX_MS = 45_000;
const BACKOFF_MAX_MS = 60_000;

function client(name: string, delayMs: (context: PollContext, scale: number) => number): Client {
  return {
    name,
    create: (scale) => ({
      nextDelayMs: (context) => clampDelay(delayMs(context, scale), context),
      safetyNetDelayMs: (context) => context.maxMs,
      observe() {},
    }),
  };
}

export const CLIENTS: readonly Client[] = [
  client('fixed 5 s', (_, scale) => 5_000 * scale),
  client(
    'exponential 2x, full jitter',
    ({ polls, random }, scale) => random() * Math.min(BACKOFF_MAX_MS, 1_000 * scale * 2 ** polls),
  ),
  client('AWS waiter 2..120 s', ({ polls, random }, scale) => {
    if (polls === 0) return 0;
    const minMs = 2_000 * scale;
    const ceilingMs = Math.min(AWS_MAX_MS, minMs * 2 ** (polls - 1));
    return minMs + random() * Math.max(0, ceilingMs - minMs);
  }),
  client('Google LongRunning 5 s x1.5', ({ polls }, scale) =>
    Math.min(GOOGLE_MAX_MS, 5_000 * scale * 1.5 ** polls),
  ),
  client('Azure core-lro 2 s', ({ polls }, scale) => (polls === 0 ? 0 : 2_000 * scale)),
];

/** Scales from a fifth to twelve times the default. */
export const SCALES: readonly number[] = [0.2, 0.35, 0.6, 1, 1.4, 2, 2.8, 4, 6, 12];
