/** The queues that a client uses, on one connection. */
import { Queue, type Telemetry } from 'bullmq';
import { BATCHES_QUEUE, COMPLETIONS_QUEUE, POLLS_QUEUE, WEBHOOKS_QUEUE } from '../jobs/queues.js';
import type { PollData, PollResult } from '../jobs/state/poll-state.js';
import type { WebhookPayload } from '../jobs/state/webhook-state.js';
import type { BatchSummary } from '../jobs/summary.js';
import type { RedisLink } from '../redis/client-link.js';

export interface ClientQueues {
  link: RedisLink;
  /** Prefix of all keys: BullMQ's and our own. */
  prefix: string;
  /** `BATCH_DEADLINE_MS` of a process that has a configuration of it: for where no worker has said its own. */
  deadlineMs?: number;
  batches: Queue<unknown>;
  pollJobs: Queue<PollData, PollResult>;
  completions: Queue<BatchSummary>;
  /** The same events on their way to the webhook; empty where none is configured. */
  webhooks: Queue<WebhookPayload>;
  close(): Promise<void>;
}

export function openQueues(
  link: RedisLink,
  prefix: string,
  telemetry?: Telemetry | undefined,
): ClientQueues {
  const options = { connection: link.redis, prefix, ...(telemetry && { telemetry }) };
  const batches = new Queue<unknown>(BATCHES_QUEUE, options);
  const pollJobs = new Queue<PollData, PollResult>(POLLS_QUEUE, options);
  const completions = new Queue<BatchSummary>(COMPLETIONS_QUEUE, options);
  // Where no webhook is configured, nothing of this queue is written to Redis.
  const webhooks = new Queue<WebhookPayload>(WEBHOOKS_QUEUE, { ...options, skipMetasUpdate: true });
  const queues: Queue[] = [batches, pollJobs, completions, webhooks];
  // A failed call throws: the queue's event would report it a second time.
  for (const queue of queues) queue.on('error', () => {});
  return {
    link,
    prefix,
    batches,
    pollJobs,
    completions,
    webhooks,
    close: async () => {
      await Promise.allSettled(queues.map((queue) => queue.close()));
    },
  };
}
