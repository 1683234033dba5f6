/**
 * Of which S3s the workers have read documents. A worker tells it with its heartbeat, so that one that is
 * configured for another S3, and finds nothing there, knows that others find it elsewhere: what is wrong then is
 * this process, and not the batch. Nor would anybody ask there for its results.
 */
import type { ChainableCommander, Redis } from 'ioredis';
import { OwnFaultError, type ReasonCode } from '../../errors.js';
import { storesReadKey } from '../../jobs/keys/redis-keys.js';
import type { Clock } from '../../redis/clock.js';
import type { ObjectStore } from '../../storage/object-store.js';

/** So long after the last heartbeat that told it: a restart of all workers takes less. */
const TOLD_MS = 60_000;

export interface StoresReadOptions {
  redis: Redis;
  config: { QUEUE_PREFIX: string };
  clock: Clock;
  store: Pick<ObjectStore, 'hasRead' | 'name'>;
}

export class StoresRead {
  private readonly key: string;
  /** What our S3 is called, once a document was read there. It does not change while the process runs. */
  private ours: string | undefined;

  constructor(private readonly options: StoresReadOptions) {
    this.key = storesReadKey(options.config.QUEUE_PREFIX);
  }

  /** Adds the telling of what we have read to the commands of a heartbeat. */
  tell(heartbeat: ChainableCommander): ChainableCommander {
    const { key, ours } = this;
    const now = this.options.clock.now();
    if (ours !== undefined) heartbeat.zadd(key, now, ours);
    return heartbeat.zremrangebyscore(key, '-inf', now - TOLD_MS).pexpire(key, TOLD_MS);
  }

  /** To be called when documents were read. The first time it is told at once, for others may err already. */
  async noteDocumentsRead(): Promise<void> {
    const { redis, clock, store } = this.options;
    if (this.ours !== undefined || !store.hasRead) return;
    const ours = await store.name();
    await redis.multi().zadd(this.key, clock.now(), ours).pexpire(this.key, TOLD_MS).exec();
    this.ours = ours;
  }

  /** Whether others have read documents, and this process never one: it may lack the permission. */
  async onlyOthersRead(): Promise<boolean> {
    return !this.options.store.hasRead && (await this.readLately()).length > 0;
  }

  /**
   * Asks Redis only until this process has read a document.
   * @param code Of the batch, if nobody else can do it until its deadline.
   * @param tryReading Reads a document where one may be: the same S3 may have two names.
   * @throws OwnFaultError where others have read documents, and nobody where this process asks.
   */
  async expectOurs(code: ReasonCode, tryReading?: () => Promise<void>): Promise<void> {
    const { store } = this.options;
    // Also one that reads only where others have checked: before it signs URLs.
    if (store.hasRead) return this.noteDocumentsRead();
    const names = await this.readLately();
    const [theirs] = names;
    if (theirs === undefined) return;
    const ours = await store.name();
    if (names.includes(ours)) return;
    await tryReading?.();
    if (store.hasRead) return this.noteDocumentsRead();
    throw new OwnFaultError(
      code,
      `this worker has read no document at ${ours}, and others have at ${theirs}: correct AWS_ENDPOINT_URL_S3, here or there`,
    );
  }

  private readLately(): Promise<string[]> {
    const { redis, clock } = this.options;
    return redis.zrangebyscore(this.key, clock.now() - TOLD_MS, '+inf');
  }
}
