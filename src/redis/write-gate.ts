/**
 * Whether Redis takes the writes of this process. While it refuses them (full, a disk that fails, too
 * few replicas), nothing begins that ends in a write: no worker fetches a job.
 */
import { once } from 'node:events';
import type { Redis } from 'ioredis';
import { writeProbeKey } from '../jobs/keys/redis-keys.js';
import { createRepeatedWarnings, type WarnOfError } from '../logging/repeated-lines.js';
import type { Logger } from '../logging.js';
import { unlessAborted } from '../timeouts.js';
import { RedisConnection } from './connection/connection.js';
import { redisAddress, writeRefusal } from './reply-error.js';
import type { GatheringRedis } from './worker-connection.js';

/** Between two writes of the gate's own. */
const PROBE_EVERY_MS = 5000;
/** While writes are refused: soon enough to go on, and no burden for a Redis that is full. */
const PROBE_REFUSED_EVERY_MS = 1000;
/** Nobody reads what is written. */
const PROBE_TTL_MS = 1;
/** Without a write for so long a connection does not heal: a failover takes half of it. */
const BROKEN_AFTER_MS = 60_000;
/** For a fresh connection and its write: a health check waits for it. */
const FRESH_TIMEOUT_MS = 2000;

/** Rejects with why Redis takes no writes. */
export async function tryWrite(redis: Redis, prefix: string): Promise<void> {
  await redis.set(writeProbeKey(prefix), '', 'PX', PROBE_TTL_MS);
}

export class WriteGate {
  /** Such as `OOM; it is full; …`. Null while Redis takes writes. */
  refusal: string | null = null;
  private writtenAt = performance.now();
  private timer: NodeJS.Timeout | undefined;
  private readonly events = new EventTarget();
  private readonly warn: WarnOfError;

  constructor(
    private readonly options: {
      redis: GatheringRedis;
      prefix: string;
      logger: Logger;
      onChange: (isRefused: boolean) => void;
    },
  ) {
    this.warn = createRepeatedWarnings(options.logger);
    options.redis.onErrorReply = (error) => this.notice(error);
    this.probeAfter(PROBE_EVERY_MS);
  }

  /** Takes note of an error, whatever it is. @returns whether it is a refused write. */
  notice(error: unknown): boolean {
    const { redis, onChange } = this.options;
    const refusal = writeRefusal(error, redis);
    if (refusal === null) return false;
    this.warn(undefined, `Redis at ${redisAddress(redis)} refuses writes: ${refusal}`);
    if (this.refusal === null) {
      onChange(true);
      this.probeAfter(PROBE_REFUSED_EVERY_MS);
    }
    this.refusal = refusal;
    return true;
  }

  isClosed(): boolean {
    return this.refusal !== null;
  }

  async mayFetch(): Promise<boolean> {
    return this.refusal === null;
  }

  /** Resolves when Redis takes writes, or when the signal is aborted. */
  async opened(signal: AbortSignal): Promise<void> {
    if (this.refusal === null) return;
    await unlessAborted(once(this.events, 'open'), signal).catch(() => {});
  }

  /**
   * Whether only a restart helps: nothing could be written for a minute, and a new connection to the
   * same address can write.
   */
  async isBroken(): Promise<boolean> {
    if (performance.now() - this.writtenAt < BROKEN_AFTER_MS) return false;
    const fresh = new RedisConnection({
      ...this.options.redis.options,
      connectTimeout: FRESH_TIMEOUT_MS,
      commandTimeout: FRESH_TIMEOUT_MS,
      maxRetriesPerRequest: 0,
      lazyConnect: false,
    });
    fresh.on('error', () => {});
    try {
      await tryWrite(fresh, this.options.prefix);
      return true;
    } catch {
      return false;
    } finally {
      fresh.disconnect();
    }
  }

  stop(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
  }

  private probeAfter(ms: number): void {
    clearTimeout(this.timer);
    const timer = setTimeout(async () => {
      // A refusal is noticed by the connection. One that is away is waited for.
      await this.probe().catch(() => {});
      if (this.timer === timer) {
        this.probeAfter(this.refusal === null ? PROBE_EVERY_MS : PROBE_REFUSED_EVERY_MS);
      }
    }, ms).unref();
    this.timer = timer;
  }

  private async probe(): Promise<void> {
    const { redis, prefix, logger, onChange } = this.options;
    await tryWrite(redis, prefix);
    this.writtenAt = performance.now();
    if (this.refusal === null) return;
    this.refusal = null;
    onChange(false);
    logger.info({}, 'Redis takes writes again');
    this.events.dispatchEvent(new Event('open'));
  }
}
