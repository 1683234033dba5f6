/** What the processors stand on: made once by the worker, handed to every step. */
import type { Queue } from 'bullmq';
import type { Redis } from 'ioredis';
import type { AtlasClient } from '../atlas/client.js';
import type { Config } from '../config/config.js';
import type { TransientError } from '../errors.js';
import type { Gate } from '../gate/gate.js';
import type { AtlasBatchOwner } from '../jobs/atlas-batch-owner.js';
import type { WebhookPayload } from '../jobs/state/webhook-state.js';
import type { BatchSummary } from '../jobs/summary.js';
import type { GatheredLines } from '../logging/gathered-lines.js';
import type { Logger } from '../logging.js';
import type { ObservationStream } from '../polling/observation-stream.js';
import type { PollPolicy } from '../polling/poll-policy.js';
import type { Clock } from '../redis/clock.js';
import type { WriteGate } from '../redis/write-gate.js';
import type { ObjectStore } from '../storage/object-store.js';
import type { ReplicaConfirmation } from './batch/upload/replica-confirmation.js';
import type { SentUploads } from './batch/upload/sent-uploads.js';
import type { ErasedBatches } from './erased-batches.js';
import type { BucketRules } from './maintenance/bucket-rules.js';
import type { DeniedObjects } from './maintenance/denied-objects.js';
import type { Heartbeat } from './maintenance/heartbeat.js';
import type { StoresRead } from './maintenance/stores-read.js';
import type { WorkerMetrics } from './metrics.js';
import type { OwnFaults } from './own-faults.js';
import type { LastReadings } from './poll/reading/last-readings.js';
import type { PollMemory } from './poll/reading/poll-memory.js';
import type { ReceiverHealth } from './webhook/receiver-health.js';

export interface WorkerContext {
  config: Config;
  atlas: AtlasClient;
  store: ObjectStore;
  policy: PollPolicy;
  /** What the policies of all processes learn from. */
  observations: ObservationStream;
  redis: Redis;
  batches: Queue;
  pollJobs: Queue;
  completions: Queue<BatchSummary>;
  ownFaults: OwnFaults;
  pollMemory: PollMemory;
  lastReadings: LastReadings;
  /** Removes the poll jobs of a batch that completed. May be told of a batch twice. */
  pollJobPruner: { prune(polls: { owner: AtlasBatchOwner; batchIds: string[] }): void };
  /** Filled only when a webhook is configured. */
  webhooks: Queue<WebhookPayload>;
  clock: Clock;
  heartbeat: Heartbeat;
  /** What is told of the webhook's receiver. */
  receiver: ReceiverHealth;
  /** What decides which upload may go to Atlas now. */
  gate: Gate;
  bucketRules: BucketRules;
  storesRead: StoresRead;
  deniedObjects: DeniedObjects;
  erased: ErasedBatches;
  sentUploads: SentUploads;
  /** Null where no upload waits for a replica of Redis. */
  replica: ReplicaConfirmation | null;
  writes: WriteGate;
  logger: Logger;
  /** For what single jobs say by the hundred. */
  lines: GatheredLines;
  /** Logs why jobs wait and are tried again, rarely. */
  warnOfDelay(error: TransientError): void;
  metrics: WorkerMetrics;
  /** Uniform in [0, 1). */
  random: () => number;
  /** Aborted with a `StoppingError` when the worker stops: jobs are given back at their next safe point. */
  stopping: AbortSignal;
}
