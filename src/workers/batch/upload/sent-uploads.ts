/**
 * What this worker knows of the uploads that it sends and sent. While it lives it can be asked.
 *
 * A result that Redis has not taken yet is tried again for as long as the worker runs. One that Redis
 * has taken may still be lost in a failover: then whoever finds the upload in `sending` asks, and the
 * next heartbeat answers with a receipt.
 */
import { setMaxListeners } from 'node:events';
import type { Redis } from 'ioredis';
import { batchJobId } from '../../../jobs/ids.js';
import { receiptKey, receiptsWantedKey } from '../../../jobs/keys/redis-keys.js';
import { BATCHES_QUEUE } from '../../../jobs/queues.js';
import { createRepeatedWarnings, type WarnOfError } from '../../../logging/repeated-lines.js';
import type { Logger } from '../../../logging.js';
import { plural } from '../../../plural.js';
import { LuaScript } from '../../../redis/lua-script.js';
import { pause } from '../../../timeouts.js';
import type { SendResult } from './upload-transitions.js';

/** Between two tries to write one: soon after a refusal has ended, and few commands in a long one. */
const RETRY_MS = 500;
/** Results that are remembered: a few MiB, and at a hundred uploads a second more than a minute's. */
const REMEMBERED = 10_000;
/** A question that is not repeated is forgotten. */
const QUESTION_TTL_MS = 60_000;

/** KEYS job, receipt. ARGV nonce, receipt, time to live. As the save of a result does it. */
const LEAVE = new LuaScript(
  `
local saved = redis.call('HGET', KEYS[1], 'progress') or ''
if not string.find(saved, ARGV[1], 1, true) then return 0 end
redis.call('SET', KEYS[2], ARGV[2], 'PX', ARGV[3])
return 1
`,
  { whenFull: true },
);

/** Those that are named in a message; its fields have all. */
const NAMED = 20;

/** An upload of which nobody but this worker knows. */
export interface UnsavedUpload {
  reference: string;
  /** Null while Atlas gave none. */
  atlasBatchId: string | null;
}

interface Sending extends UnsavedUpload {
  /** Whether bytes of it may have reached Atlas. */
  mayBeTaken: boolean;
}

export class SentUploads {
  /** From before `sending` is saved until its result is, by nonce. */
  private readonly underWay = new Map<string, Sending>();
  /** By nonce, the oldest first. */
  private readonly results = new Map<string, SendResult>();
  /** Once the worker has ended: uploads that are unknown now. */
  unknown: readonly UnsavedUpload[] = [];
  private readonly ended = new AbortController();
  private readonly warn: WarnOfError;

  constructor(
    private readonly options: {
      redis: Redis;
      prefix: string;
      receiptTtlMs: number;
      logger: Logger;
    },
  ) {
    this.warn = createRepeatedWarnings(options.logger);
    // Every upload that is being sent may listen; each takes its listener away.
    setMaxListeners(0, this.ended.signal);
  }

  /** How many are under way: as many as jobs and lanes have room, at most. */
  get size(): number {
    return this.underWay.size;
  }

  /** `sending` is about to be saved: from now on until {@link write} its result is to be waited for. */
  begin(nonce: string, reference: string): void {
    this.underWay.set(nonce, { reference, atlasBatchId: null, mayBeTaken: false });
  }

  /** `sending` is saved, and the request goes out. */
  goOut(nonce: string): void {
    const sending = this.underWay.get(nonce);
    if (sending) sending.mayBeTaken = true;
  }

  /** Writes until Redis takes it, for as long as the worker runs. Rejects with the error after that. */
  async write<T>(
    nonce: string,
    { reference, result }: { reference: string; result: SendResult },
    attempt: () => Promise<T>,
  ): Promise<T> {
    const atlasBatchId = result.kind === 'accepted' ? result.atlasBatchId : null;
    const mayBeTaken = result.kind !== 'not-taken' && result.kind !== 'cancelled';
    this.underWay.set(nonce, { reference, atlasBatchId, mayBeTaken });
    this.remember(nonce, result);
    try {
      for (;;) {
        try {
          return await attempt();
        } catch (error) {
          this.warn(error, 'Redis does not take what Atlas answered to an upload; trying on');
          await pause(RETRY_MS, this.ended.signal).catch(() => {
            throw error;
          });
        }
      }
    } finally {
      this.underWay.delete(nonce);
    }
  }

  /** Nothing was sent, and nothing was saved of it. */
  forget(nonce: string): void {
    this.underWay.delete(nonce);
    this.remember(nonce, { kind: 'not-taken' });
  }

  /**
   * Asks the sender of an upload what came of it. It answers with a receipt once it knows. A question
   * that Redis does not take is asked again by whoever waits for the receipt.
   */
  async ask(sender: string, reference: string, nonce: string): Promise<void> {
    const { redis, prefix } = this.options;
    const key = receiptsWantedKey(prefix, sender);
    const question = redis.multi().sadd(key, `${nonce} ${reference}`).pexpire(key, QUESTION_TTL_MS);
    await question.exec().catch(() => {});
  }

  /** Answers the questions that {@link ask} has left. What is under way is answered by its own save. */
  async answer(questions: readonly string[]): Promise<void> {
    const { redis, prefix, receiptTtlMs } = this.options;
    for (const question of questions) {
      const [nonce = '', reference = ''] = question.split(' ');
      if (this.underWay.has(nonce)) continue;
      const why = 'its worker does not remember the response of Atlas';
      const result = this.results.get(nonce) ?? { kind: 'unknown', why, resubmit: false };
      const jobKey = `${prefix}:${BATCHES_QUEUE}:${batchJobId(reference)}`;
      const keys = [jobKey, receiptKey(prefix, reference, nonce)];
      await LEAVE.run(redis, keys, [nonce, JSON.stringify(result), receiptTtlMs]);
    }
  }

  /** The worker has ended: says which uploads are {@link unknown} now. May be called twice. */
  stop(): void {
    if (this.ended.signal.aborted) return;
    this.unknown = [...this.underWay.values()]
      .filter(({ mayBeTaken }) => mayBeTaken)
      .map(({ reference, atlasBatchId }) => ({ reference, atlasBatchId }));
    this.ended.abort();
    if (this.unknown.length === 0) return;
    const count = this.unknown.length;
    const names = this.unknown
      .slice(0, NAMED)
      .map(({ reference, atlasBatchId }) => reference + (atlasBatchId ? ` (${atlasBatchId})` : ''));
    if (count > NAMED) names.push(`${count - NAMED} more`);
    this.options.logger.error(
      { uploads: this.unknown },
      `the worker ends, and ${plural(count, 'upload')} ${count === 1 ? 'is' : 'are'} unknown, for what Atlas answered is not saved: ${names.join(', ')}; Atlas may get them again`,
    );
  }

  private remember(nonce: string, result: SendResult): void {
    this.results.set(nonce, result);
    const [oldest] = this.results.keys();
    if (this.results.size > REMEMBERED && oldest !== undefined) this.results.delete(oldest);
  }
}
