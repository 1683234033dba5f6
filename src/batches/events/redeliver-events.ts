/** Brings many events to the webhook again: those that were given up, or those that the receiver has lost. */
import { EVENT_ID_PREFIX, REFERENCE_PATTERN } from '../../jobs/ids.js';
import { redisTimeMs } from '../../redis/clock.js';
import { latestOf } from '../bulk/latest-time.js';
import { type PaceOptions, paced } from '../bulk/paced.js';
import type { ClientQueues } from '../client-queues.js';
import { openOutcomes, positionBefore } from './outcomes.js';
import { knownEvent, send, sendAgain } from './redeliver.js';

/** Which events are sent again, and how fast. */
export interface RedeliverOptions extends PaceOptions {
  /** Only those of outcomes that were announced then or later. */
  since?: Date | undefined;
  /** Only those that were given up. Needed without `since`. */
  givenUp?: boolean | undefined;
  /** Counts them, and sends nothing. */
  dryRun?: boolean | undefined;
  /** Told after each step. */
  onProgress?: ((progress: RedeliveredEvents) => void) | undefined;
}

/** What a preview has counted of those that were given up. */
export interface PreviewedEvents {
  /** Those that were given up later are left out; ms since 1970, by the clocks of workers. */
  untilMs?: number | undefined;
}

/** What became of the request to send many events again. */
export interface RedeliveredEvents {
  /** Events that are sent again, or would be. */
  events: number;
  /** Events of which nothing is kept any more. */
  gone: number;
  /** Outcomes since the time that was asked for are not known any more: there may have been others. */
  reset: boolean;
}

/** Events of one round trip. */
const READ_AT_ONCE = 100;

/** Yields after each step how far it has come, at least once. */
export async function* redeliverEvents(
  queues: ClientQueues,
  { since, givenUp = false, untilMs, dryRun = false, ...pace }: RedeliverOptions & PreviewedEvents,
): AsyncGenerator<RedeliveredEvents, void, undefined> {
  const total: RedeliveredEvents = { events: 0, gone: 0, reset: false };
  const add = (wereSent: readonly boolean[]) => {
    const events = wereSent.filter(Boolean).length;
    total.events += events;
    total.gone += wereSent.length - events;
    return { ...total };
  };
  const sinceMs = since?.getTime() ?? 0;
  const { webhooks } = queues;
  if (givenUp) {
    for await (const ids of paced(givenUpJobIds(queues, sinceMs, untilMs), pace)) {
      const sendOne = async (id: string) => {
        const job = await webhooks.getJob(id);
        return job !== undefined && (dryRun || (await sendAgain(job)));
      };
      yield add(await Promise.all(ids.map(sendOne)));
    }
  } else {
    const outcomes = outcomesSince(queues, sinceMs, () => {
      total.reset = true;
    });
    for await (const some of paced(outcomes, pace)) {
      const sendOne = async ({ reference, eventJobId }: (typeof some)[number]) => {
        const event = await knownEvent(queues, eventJobId, reference);
        if (event && !dryRun) await send(queues, event);
        return event !== null;
      };
      yield add(await Promise.all(some.map(sendOne)));
    }
  }
  yield { ...total };
}

/** The set is read to its end as it was, for one may be given up again meanwhile. */
async function* givenUpJobIds(
  { webhooks, link }: ClientQueues,
  sinceMs: number,
  untilMs: number | '+inf' = '+inf',
) {
  yield await link.redis.zrangebyscore(webhooks.toKey('failed'), sinceMs, untilMs);
}

/** Counts the events that were given up, and says until when, also where the clock of a worker is ahead. */
export async function previewGivenUp({
  webhooks,
  link,
}: ClientQueues): Promise<{ events: number; untilMs: number }> {
  const key = webhooks.toKey('failed');
  const [, latest = '0'] = await link.redis.zrange(key, '-1', '-1', 'WITHSCORES');
  const untilMs = latestOf(await redisTimeMs(link.redis), [Number(latest)]);
  return { events: await link.redis.zcount(key, '-inf', untilMs), untilMs };
}

/** What is announced meanwhile is sent by itself. @param onReset The oldest since then are gone. */
async function* outcomesSince(queues: ClientQueues, sinceMs: number, onReset: () => void) {
  const reader = openOutcomes(queues);
  const { position: end } = await reader.readOutcomes({ after: 'end' });
  for (let after = positionBefore(sinceMs); ; ) {
    const read = await reader.readOutcomes({ after, count: READ_AT_ONCE });
    if (read.reset) onReset();
    yield read.outcomes;
    const hasEnded = read.outcomes.some(({ position }) => position === end);
    if (read.outcomes.length < READ_AT_ONCE || hasEnded) return;
    after = read.position;
  }
}

/** Batches of which at least one event was given up. */
export async function referencesGivenUp({ webhooks, link }: ClientQueues): Promise<Set<string>> {
  const ids = await link.redis.zrange(webhooks.toKey('failed'), '0', '-1');
  const references = ids.map((id) => id.slice(EVENT_ID_PREFIX.length).replace(/~\d+$/, ''));
  return new Set(references.filter((one) => REFERENCE_PATTERN.test(one)));
}
