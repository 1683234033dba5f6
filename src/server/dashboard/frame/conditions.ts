/** What is wrong with the whole of it, for the head of every page. Pure. */
import { RECEIVER_GONE } from '../../../jobs/state/webhook-state.js';
import type { WorkerReport } from '../../../jobs/worker-report.js';
import { countText, plural } from '../../../plural.js';
import { MUCH_MEMORY } from '../../../redis/findings.js';
import type { SystemState } from '../../health/read-system.js';

/** The longest time between two attempts at the webhook is an hour. Older news say nothing of now. */
const WEBHOOK_NEWS_MS = 70 * 60_000;

export interface Condition {
  /** `error`: nothing moves, or soon will not. `warning`: something comes late. */
  level: 'error' | 'warning';
  text: string;
  /** Redis time in ms; null where nobody knows, or it does not matter. */
  since: number | null;
}

/** Null stands for a Redis that does not answer. The worst come first. */
export function conditionsOf(system: SystemState | null): Condition[] {
  if (system === null) {
    return [{ level: 'error', text: 'Redis does not answer. Workers wait for it.', since: null }];
  }
  const all = [
    writesRefused(system),
    noWorker(system),
    credentialsRefused(system),
    atlasDown(system),
    memory(system),
    webhookDown(system),
    callbacksSilent(system),
    quotaUsed(system),
  ];
  return all.filter((one) => one !== null);
}

function reportsOf({ workers }: SystemState): WorkerReport[] {
  return workers.flatMap(({ report }) => report ?? []);
}

/** `2 of 3 workers` */
function share({ workers }: SystemState, some: readonly unknown[]): string {
  return `${countText(some.length)} of ${plural(workers.length, 'worker')}`;
}

function writesRefused({ writeRefusal }: SystemState): Condition | null {
  if (writeRefusal === null) return null;
  const text = `Redis refuses writes: ${writeRefusal}. Workers wait until it takes them, and none has to be restarted.`;
  return { level: 'error', text, since: null };
}

/** While Redis refuses writes, heartbeats are refused too: nobody knows who lives. */
function noWorker({ workers, writeRefusal }: SystemState): Condition | null {
  if (workers.length > 0 || writeRefusal !== null) return null;
  return { level: 'error', text: 'No worker is alive. Nothing moves until one is.', since: null };
}

function credentialsRefused(system: SystemState): Condition | null {
  const since = reportsOf(system).flatMap(({ refusedSince }) => refusedSince ?? []);
  if (since.length === 0) return null;
  const text = `Atlas refuses the client id and secret of ${share(system, since)}. They send nothing until it takes them.`;
  return { level: 'error', text, since: Math.min(...since) };
}

function atlasDown(system: SystemState): Condition | null {
  const outages = reportsOf(system).flatMap(({ atlas }) => atlas ?? []);
  if (outages.length === 0) return null;
  const open = outages.filter(({ circuitOpen }) => circuitOpen);
  const circuit =
    open.length === 0
      ? 'They go on to ask.'
      : `The circuit is open in ${countText(open.length)}: Atlas is asked rarely, and nothing is sent.`;
  const [first] = outages;
  return {
    level: 'error',
    text: `Atlas does not answer ${share(system, outages)} (${first?.code}). ${circuit}`,
    since: Math.min(...outages.map(({ since }) => since)),
  };
}

function memory({ memoryUsedRatio }: SystemState): Condition | null {
  if (memoryUsedRatio === null || memoryUsedRatio <= MUCH_MEMORY) return null;
  const percent = Math.round(memoryUsedRatio * 100);
  const text = `Redis uses ${percent} % of its memory. Full, it refuses batches.`;
  return { level: 'error', text, since: null };
}

/** What one worker delivered is news of the receiver for all. */
function webhookDown(system: SystemState): Condition | null {
  const seen = reportsOf(system).flatMap(({ webhook }) => webhook ?? []);
  const delivered = Math.max(0, ...seen.map(({ lastDeliveredAt }) => lastDeliveredAt));
  const failing = seen.filter(
    ({ failingSince, lastFailedAt }) =>
      failingSince !== null &&
      lastFailedAt > delivered &&
      system.now - lastFailedAt < WEBHOOK_NEWS_MS,
  );
  const latest = failing.sort((a, b) => b.lastFailedAt - a.lastFailedAt)[0];
  if (latest === undefined) return null;
  const since = Math.min(...failing.map(({ failingSince }) => failingSince ?? system.now));
  return { ...ofReceiver(latest.code), since: Math.max(since, delivered) };
}

/** What a response, or none, says of the receiver, and what follows for its events. */
function ofReceiver(code: string): Pick<Condition, 'level' | 'text'> {
  const who = "The webhook's receiver";
  if (code === String(RECEIVER_GONE)) {
    const text = `${who} wants no more events (${code}): each is given up at once. When it takes them again, send what was given up once more.`;
    return { level: 'error', text };
  }
  const what = /^3\d\d$/.test(code)
    ? `leads elsewhere (${code}), which is not followed`
    : /^\d+$/.test(code)
      ? `does not take events (${code})`
      : `does not respond (${code})`;
  return { level: 'warning', text: `${who} ${what}. Each event is sent again for a day.` };
}

function callbacksSilent({ silence }: SystemState): Condition | null {
  if (silence === null) return null;
  const text = `Atlas has stopped calling: ${plural(silence.missed, 'upload')} came to an end without a callback. Batches are polled as if there were none.`;
  return { level: 'warning', text, since: silence.since };
}

/** The line waits as soon as the upload at its head does not fit what is left. */
function quotaUsed({ today: { quota }, lineWaitsFor }: SystemState): Condition | null {
  if (quota === null) return null;
  const today = `Today's quota of ${plural(quota.most, 'document')}`;
  if (quota.left === 0) {
    const text = `${today} is used up. What is over it waits for tomorrow.`;
    return { level: 'warning', text, since: null };
  }
  if (lineWaitsFor !== 'quota') return null;
  const text = `${today} has ${quota.left.toLocaleString('en')} left, and the next upload in line has more. The line waits for tomorrow.`;
  return { level: 'warning', text, since: null };
}
