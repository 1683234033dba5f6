/**
 * Which S3s the workers have read documents of lately. A worker tells it with its heartbeat, so that one that is
 * configured for another S3, and finds nothing there, knows that others find it elsewhere: what is wrong then is
 * this process, and not the batch. Nor would anybody ask there for its results.
 */
import type { ChainableCommander, Redis } from 'ioredis';
import { OwnFaultError, type ReasonCode } from '../../errors.js';
import { storesReadKey } from '../../jobs/keys/redis-keys.js';
import { HEARTBEAT_INTERVAL_MS } from '../../jobs/liveness.js';
import type { Clock } from '../../redis/clock.js';
import type { ObjectStore } from '../../storage/object-store.js';

/** What was read counts so long: a restart of all workers takes less. */
const READ_TTL_MS = 60_000;
/** What a beat tells. One may be late, and a worker that reads all the time misses none. */
const TOLD_MS = 2 * HEARTBEAT_INTERVAL_MS;

export interface StoresReadOptions {
  redis: Redis;
  config: { QUEUE_PREFIX: string };
  clock: Clock;
  store: Pick<ObjectStore, 'hasRead' | 'knownName' | 'name'>;
}

export class StoresRead {
  private readonly key: string;

  constructor(private readonly options: StoresReadOptions) {
    this.key = storesReadKey(options.config.QUEUE_PREFIX);
  }

  /** Adds the telling of what we have read to the commands of a heartbeat. */
  tell(heartbeat: ChainableCommander): ChainableCommander {
    const { key } = this;
    const { clock, store } = this.options;
    const now = clock.now();
    const name = store.knownName;
    if (name !== undefined && store.hasRead(TOLD_MS)) heartbeat.zadd(key, now, name);
    return heartbeat.zremrangebyscore(key, '-inf', now - READ_TTL_MS).pexpire(key, READ_TTL_MS);
  }

  /**
   * Asks Redis only where this process has never read a document: its S3 does not change while it runs.
   * @param code Of the batch, if nobody else can do it until its deadline.
   * @throws OwnFaultError where others have, and nobody where this process asks.
   */
  async expectOurs(code: ReasonCode): Promise<void> {
    const { redis, clock, store } = this.options;
    if (store.hasRead()) return;
    const names = await redis.zrangebyscore(this.key, clock.now() - READ_TTL_MS, '+inf');
    const [theirs] = names;
    if (theirs === undefined) return;
    const ours = await store.name();
    if (names.includes(ours)) return;
    throw new OwnFaultError(
      code,
      `this worker has read no document at ${ours}, and others have at ${theirs}: correct AWS_ENDPOINT_URL_S3, here or there`,
    );
  }
}
