/**
 * Of which S3s the workers have read documents. A worker tells it with its heartbeat, so that one that is
 * configured for another S3, and finds nothing there, knows that others find it elsewhere: what is wrong then is
 * this process, and not the batch. Nor would anybody ask there for its results.
 */
import type { ChainableCommander, Redis } from 'ioredis';
import { OwnFaultError, type ReasonCode } from '../../errors.js';
import { storesReadKey } from '../../jobs/keys/reading-keys.js';
import type { Clock } from '../../redis/clock.js';
import type { ObjectStore } from '../../storage/object-store.js';

/** So long after the last heartbeat that told it: a restart of all workers takes less. */
const TOLD_MS = 60_000;

export interface StoresReadOptions {
  redis: Redis;
  config: { QUEUE_PREFIX: string };
  clock: Clock;
  store: Pick<ObjectStore, 'bucketsRead' | 'name'>;
}

export class StoresRead {
  private readonly key: string;
  /** What our S3 is called, once a document was read there. It does not change while the process runs. */
  private ours: string | undefined;
  /** Buckets that were told of at once. */
  private readonly told = new Set<string>();

  constructor(private readonly options: StoresReadOptions) {
    this.key = storesReadKey(options.config.QUEUE_PREFIX);
  }

  /** Adds the telling of what we have read to the commands of a heartbeat. */
  tell(heartbeat: ChainableCommander): ChainableCommander {
    const { key, ours } = this;
    const now = this.options.clock.now();
    if (ours !== undefined) heartbeat.zadd(key, ...this.membersAt(now, ours));
    return heartbeat.zremrangebyscore(key, '-inf', now - TOLD_MS).pexpire(key, TOLD_MS);
  }

  /** To be called when documents were read. Of each bucket it is told at once the first time: others may err already. */
  async noteDocumentsRead(): Promise<void> {
    const { redis, clock, store } = this.options;
    const buckets = [...store.bucketsRead.keys()];
    if (buckets.every((bucket) => this.told.has(bucket))) return;
    const ours = this.ours ?? (await store.name());
    const members = this.membersAt(clock.now(), ours);
    await redis
      .multi()
      .zadd(this.key, ...members)
      .pexpire(this.key, TOLD_MS)
      .exec();
    this.ours = ours;
    for (const bucket of buckets) this.told.add(bucket);
  }

  /** Whether others have read documents of these buckets, and this process never one: it may lack the permission. */
  async onlyOthersRead(buckets: Iterable<string>): Promise<boolean> {
    const unread = this.unreadOf(buckets);
    if (unread.length === 0) return false;
    const told = await this.readLately();
    if (this.hasReadNone && told.length > 0) return true;
    return unread.some((bucket) => told.some((one) => one.endsWith(` ${bucket}`)));
  }

  /**
   * Of buckets in which something is absent for this process, that reads in others: its S3 may lack them.
   * @throws OwnFaultError where others have read one of them at another S3, and nobody where this process asks.
   */
  async expectOursIn(buckets: Iterable<string>): Promise<void> {
    const unread = this.unreadOf(buckets);
    if (unread.length === 0) return;
    const told = await this.readLately();
    const ours = await this.options.store.name();
    for (const bucket of unread) {
      const theirs = told.find((one) => one.endsWith(` ${bucket}`));
      if (theirs === undefined || told.includes(`${ours} ${bucket}`)) continue;
      throw new OwnFaultError(
        'OBJECT_NOT_FOUND',
        `this worker has read no document of ${bucket} at ${ours}, and others have at ${theirs.split(' ')[0]}: correct AWS_ENDPOINT_URL_S3, here or there`,
      );
    }
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
    if (!this.hasReadNone) return this.noteDocumentsRead();
    const names = (await this.readLately()).filter((one) => !one.includes(' '));
    const [theirs] = names;
    if (theirs === undefined) return;
    const ours = await store.name();
    if (names.includes(ours)) return;
    await tryReading?.();
    if (!this.hasReadNone) return this.noteDocumentsRead();
    throw new OwnFaultError(
      code,
      `this worker has read no document at ${ours}, and others have at ${theirs}: correct AWS_ENDPOINT_URL_S3, here or there`,
    );
  }

  private get hasReadNone(): boolean {
    return this.options.store.bucketsRead.size === 0;
  }

  private unreadOf(buckets: Iterable<string>): string[] {
    return [...buckets].filter((bucket) => !this.options.store.bucketsRead.has(bucket));
  }

  /** The name of our S3, and that with each bucket: neither holds a blank. */
  private membersAt(now: number, ours: string): (string | number)[] {
    const buckets = [...this.options.store.bucketsRead.keys()];
    const names = [ours, ...buckets.map((bucket) => `${ours} ${bucket}`)];
    return names.flatMap((name) => [now, name]);
  }

  private readLately(): Promise<string[]> {
    const { redis, clock } = this.options;
    return redis.zrangebyscore(this.key, clock.now() - TOLD_MS, '+inf');
  }
}
