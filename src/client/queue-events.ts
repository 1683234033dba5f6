/** The events of a queue, as BullMQ writes them to a stream of Redis. */
import { setTimeout as sleep } from 'node:timers/promises';
import { type Queue, QueueEvents } from 'bullmq';
import type { ClientQueues } from '../batches/client-queues.js';
import type { RedisConnection } from '../redis/connection/connection.js';
import { CLOSE_TIMEOUT_MS, settlesWithin } from '../timeouts.js';

/** While Redis is away or refuses: soon there again when it is mended. */
const READ_AGAIN_MS = 1000;

/**
 * The last event of a queue until now. A reader that begins after it misses none; one that asked for what is
 * new would lose what comes while it connects anew, before it has read its first.
 */
export async function lastEventId({ link }: ClientQueues, queue: Queue): Promise<string> {
  const [last] = await link.redis.xrevrange(queue.toKey('events'), '+', '-', 'COUNT', 1);
  return last?.[0] ?? '0-0';
}

/**
 * Reads the events of a queue until it is closed. BullMQ by itself stops for good when Redis refuses
 * its first command: a permission that is withdrawn for a moment, a password that is being rotated.
 */
export class QueueEventReader extends QueueEvents {
  private readonly connection: RedisConnection;

  /** @param after Reads what came after this event. */
  constructor({ link, prefix }: ClientQueues, name: string, after: string) {
    const connection = link.forBlocking();
    super(name, { connection, prefix, autorun: false, lastEventId: after });
    this.connection = connection;
    this.on('error', () => {});
    this.keepReading();
  }

  /**
   * Never rejects, and ends within a bound. BullMQ's own waits for a connection that never came, and
   * rejects when Redis goes away meanwhile.
   */
  override async close(): Promise<void> {
    const closed = super.close().catch(() => {});
    await settlesWithin(closed, CLOSE_TIMEOUT_MS);
    this.connection.disconnectAll();
  }

  private async keepReading(): Promise<void> {
    while (!this.closing) {
      await this.run().catch(() => {});
      await readPause();
    }
  }

  /** BullMQ's own pause cannot be ended, and keeps a process alive for five seconds. */
  protected override async checkConnectionError<T>(read: () => Promise<T>): Promise<T | undefined> {
    try {
      return await read();
    } catch {
      await readPause();
      return undefined;
    }
  }
}

export function readPause(): Promise<void> {
  return sleep(READ_AGAIN_MS, undefined, { ref: false });
}
