/**
 * Which buckets the workers allow. A worker tells its rule with its heartbeat, so that one whose
 * `S3_ALLOWED_BUCKETS` lacks a bucket knows that others have it: what is wrong then is this process,
 * and not the batch.
 */
import type { ChainableCommander, Redis } from 'ioredis';
import { bucketRulesKey } from '../../jobs/keys/reading-keys.js';
import { parseJson } from '../../json.js';
import type { Clock } from '../../redis/clock.js';
import { isBucketAllowed } from '../../storage/allowed-buckets.js';

/** A rule counts so long after the last heartbeat of a worker that has it: a restart of all takes less. */
const RULE_TTL_MS = 60_000;

export interface BucketRulesOptions {
  redis: Redis;
  config: {
    QUEUE_PREFIX: string;
    S3_ALLOWED_BUCKETS: readonly string[];
    RESULTS_BUCKET: string;
  };
  clock: Clock;
}

export class BucketRules {
  private readonly key: string;
  private readonly own: string;

  constructor(private readonly options: BucketRulesOptions) {
    const { QUEUE_PREFIX, S3_ALLOWED_BUCKETS, RESULTS_BUCKET } = options.config;
    this.key = bucketRulesKey(QUEUE_PREFIX);
    this.own = JSON.stringify([[...S3_ALLOWED_BUCKETS].sort(), RESULTS_BUCKET]);
  }

  /** Adds the telling of our rule to the commands of a heartbeat. */
  tell(heartbeat: ChainableCommander): ChainableCommander {
    const { key, own } = this;
    const now = this.options.clock.now();
    return heartbeat
      .zadd(key, now, own)
      .zremrangebyscore(key, '-inf', now - RULE_TTL_MS)
      .pexpire(key, RULE_TTL_MS);
  }

  /** Those of these buckets that a worker allows which is there, or was lately. */
  async allowedElsewhere(buckets: Iterable<string>): Promise<Set<string>> {
    const { redis, clock } = this.options;
    const rules = await redis.zrangebyscore(this.key, clock.now() - RULE_TTL_MS, '+inf');
    const parsed = rules.map((rule) => parseJson(rule) as [string[], string]);
    return new Set(
      [...buckets].filter((bucket) =>
        parsed.some(([allowed, resultsBucket]) => isBucketAllowed(bucket, allowed, resultsBucket)),
      ),
    );
  }
}
