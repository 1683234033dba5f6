/**
 * Confirms, before an upload goes out, that a replica of Redis knows of it (`REPLICA_ACK_TIMEOUT_MS`).
 *
 * `WAIT` blocks its connection, so it has one of its own: the others go on renewing locks. It confirms
 * what its own connection wrote, so a write goes before it. That write is made only while the state is
 * still there: a failover may have lost it since it was saved. When the connection breaks between the
 * two, ioredis rejects the `WAIT` and does not repeat it.
 */
import type { Redis } from 'ioredis';
import { TransientError } from '../../../errors.js';
import { writeProbeKey } from '../../../jobs/keys/redis-keys.js';
import { LOCK_DURATION_MS } from '../../../jobs/queues.js';
import { createRepeatedWarnings, type WarnOfError } from '../../../logging/repeated-lines.js';
import type { Logger } from '../../../logging.js';
import { LuaScript } from '../../../redis/lua-script.js';

type Replies = [error: Error | null, reply: unknown][];

/** Gives the lock its full time again, since waiting takes of it. */
const FENCE = new LuaScript(`
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
local saved = redis.call('HGET', KEYS[2], 'progress') or ''
if not string.find(saved, ARGV[2], 1, true) then return 0 end
return redis.call('PEXPIRE', KEYS[1], ARGV[3])
`);

/** An upload whose `sending` was saved under the lock. */
interface Saved {
  lockKey: string;
  jobKey: string;
  token: string;
  nonce: string;
}

/** While no replica confirms: soon after there is one, uploads go out again. */
const PROBE_EVERY_MS = 5000;

/** Nobody reads what is written. */
const PROBE_TTL_MS = 1;

interface Waiting {
  saved: Saved;
  settle: (isConfirmed: boolean) => void;
}

export class ReplicaConfirmation {
  /** Why no upload can go out: no replica confirmed the last write. Null while one does, or Redis is away. */
  refusal: string | null = null;
  private waiting: Waiting[] = [];
  private running = false;
  private timer: NodeJS.Timeout | undefined;
  private stopped = false;
  private readonly warn: WarnOfError;

  constructor(
    private readonly options: {
      /** Used for nothing else. */
      redis: Redis;
      /** Of all keys. */
      prefix: string;
      timeoutMs: number;
      logger: Logger;
      onUnconfirmed: () => void;
    },
  ) {
    this.warn = createRepeatedWarnings(options.logger);
    // Known before the first upload waits for it.
    void this.probe();
  }

  stop(): void {
    this.stopped = true;
    clearTimeout(this.timer);
  }

  /**
   * Resolves when a replica has what was saved. All who ask while one `WAIT` runs share the next.
   * @throws TransientError when none has it in time, or the state is gone.
   */
  async confirm(saved: Saved): Promise<void> {
    const isConfirmed = await new Promise<boolean>((settle) => {
      this.waiting.push({ saved, settle });
      if (!this.running) void this.run();
    });
    if (isConfirmed) return;
    const error = new TransientError('INTERNAL', this.whyUnconfirmed);
    this.options.onUnconfirmed();
    this.warn(undefined, 'an upload was not sent, because REPLICA_ACK_TIMEOUT_MS wants a replica');
    throw error;
  }

  private async run(): Promise<void> {
    this.running = true;
    while (this.waiting.length > 0) {
      const group = this.waiting;
      this.waiting = [];
      const replies = await this.ask(group.map(({ saved }) => saved)).catch(() => []);
      const isWritten = this.note(replies);
      for (const [i, { settle }] of group.entries()) settle(isWritten && replies[i]?.[1] === 1);
    }
    this.running = false;
  }

  private get whyUnconfirmed(): string {
    return `no replica of Redis confirmed a write within ${this.options.timeoutMs} ms`;
  }

  /** Whether a replica has what was written. Without a reply nothing is known of replicas. */
  private note(replies: Replies): boolean {
    const [failed, replicas] = replies.at(-1) ?? [];
    if (failed || replicas === undefined) return false;
    const isConfirmed = Number(replicas) >= 1;
    this.refusal = isConfirmed
      ? null
      : `REPLICA_ACK_TIMEOUT_MS wants a replica, and ${this.whyUnconfirmed}: no upload goes out`;
    if (!isConfirmed) this.probeLater();
    return isConfirmed;
  }

  private probeLater(): void {
    clearTimeout(this.timer);
    if (!this.stopped) this.timer = setTimeout(() => this.probe(), PROBE_EVERY_MS).unref();
  }

  /** Writes something, so that the last word is not of long ago. */
  private async probe(): Promise<void> {
    const { redis, prefix, timeoutMs } = this.options;
    const pipeline = redis.pipeline().set(writeProbeKey(prefix), '', 'PX', PROBE_TTL_MS);
    this.note(
      (await pipeline
        .wait(1, timeoutMs)
        .exec()
        .catch(() => null)) ?? [],
    );
    if (this.refusal !== null) this.probeLater();
  }

  private async ask(group: readonly Saved[]): Promise<Replies> {
    const { redis, timeoutMs } = this.options;
    const pipeline = redis.pipeline();
    for (const { lockKey, jobKey, token, nonce } of group)
      FENCE.addTo(pipeline, [lockKey, jobKey], [token, nonce, LOCK_DURATION_MS]);
    return (await pipeline.wait(1, timeoutMs).exec()) ?? [];
  }
}
