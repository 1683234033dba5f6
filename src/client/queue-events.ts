/** The events of a queue, as BullMQ writes them to a stream of Redis. */
import { setTimeout as sleep } from 'node:timers/promises';
import { QueueEvents } from 'bullmq';
import type { ClientQueues } from '../batches/client-queues.js';

/** While Redis refuses to read them: soon there again when an operator has mended it. */
const READ_AGAIN_MS = 1000;

/**
 * Reads the events of a queue until it is closed. BullMQ by itself stops for good when Redis refuses
 * one read: a permission that is withdrawn for a moment, a password that is being rotated.
 * @param lastEventId Reads what came after it. Default: what comes from now on.
 */
export function openQueueEvents(
  queues: ClientQueues,
  name: string,
  lastEventId?: string,
): QueueEvents {
  const events = new QueueEvents(name, {
    connection: queues.link.forBlocking(),
    prefix: queues.prefix,
    autorun: false,
    ...(lastEventId !== undefined && { lastEventId }),
  });
  events.on('error', () => {});
  keepReading(events);
  return events;
}

async function keepReading(events: QueueEvents): Promise<void> {
  while (!events.closing) {
    await events.run().catch(() => {});
    await sleep(READ_AGAIN_MS, undefined, { ref: false });
  }
}
