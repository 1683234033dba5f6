/**
 * Batches that somebody erased while a worker stood still that had them in hand. Before a result is stored
 * the worker asks for that, and what it wrote all the same, it erases again.
 *
 * A worker may also die between the two. So the storing of each result is noted before, under digests that name
 * nobody, and the note is taken away afterwards, but not that of a batch which is erased by then: the workers that
 * live seek its object for a quarter of an hour ({@link startLateResultsSweep}).
 */
import { createHash, randomBytes } from 'node:crypto';
import type { Redis } from 'ioredis';
import { DocumentNames } from '../batches/erase/document-names.js';
import { eraseUntilGone, ownResults } from '../batches/erase/erase-batch.js';
import type { Traces } from '../batches/erase/erase-scope.js';
import type { Config } from '../config/config.js';
import { storeOptionsOf } from '../config/s3-fields.js';
import { errorFields } from '../errors.js';
import { type ErasedSpan, erasedDigest, readErased } from '../jobs/erased.js';
import { erasedKey, storingKey } from '../jobs/keys/redis-keys.js';
import type { Logger } from '../logging.js';
import { type LuaPart, LuaScript } from '../redis/lua-script.js';
import type { ResultsEraser } from '../storage/results/erase-results.js';
import { resultsFolder, resultsRoot } from '../storage/results/results-key.js';

/** A batch, and what is known of it by who had it. */
interface ErasableBatch {
  reference: string;
  /** `timestamp` of the batch job. */
  timestamp: number;
  atlasBatchIds: readonly string[];
}

/** No store takes a request that rests for so long. */
export const FORGOTTEN_MS = 15 * 60_000;

/** KEYS the flag of an erased batch, the results that are being stored. ARGV the member, and how long it matters. */
const BEGIN_STORING = new LuaScript<0 | 1>(
  `
if redis.call('EXISTS', KEYS[1]) == 1 then return 0 end
local time = redis.call('TIME')
redis.call('ZADD', KEYS[2], time[1] * 1000, ARGV[1])
redis.call('PEXPIRE', KEYS[2], ARGV[2])
return 1
`,
  { whenFull: true },
);
/** The same. Of a batch that was erased meanwhile the member stays. */
const END_STORING_LUA = `
if redis.call('EXISTS', KEYS[1]) == 0 then redis.call('ZREM', KEYS[2], ARGV[1]) end
`;
const END_STORING = new LuaScript<null>(END_STORING_LUA);

/** One member of the results that are being stored. */
export interface StoredResult {
  /** As {@link erasedDigest}. */
  batchDigest: string;
  objectDigest: string;
}

export function readStoring(member: string): StoredResult {
  const [batchDigest = '', objectDigest = ''] = member.split(' ');
  return { batchDigest, objectDigest };
}

/** @param key In the bucket of results. */
export function objectDigestOf(key: string): string {
  return createHash('sha256').update(key).digest('base64url');
}

export class ErasedBatches {
  /** Two workers may store the same object. */
  private readonly process = randomBytes(6).toString('base64url');

  constructor(
    private readonly options: {
      redis: Redis;
      config: Config;
      logger: Pick<Logger, 'warn' | 'error'>;
    },
  ) {}

  /**
   * Notes that a result is about to be stored.
   * @returns What says that the store has answered, for a script of others or {@link endStoring}; null when the
   *   batch was erased.
   */
  async beginStoring(
    { reference, timestamp }: Pick<ErasableBatch, 'reference' | 'timestamp'>,
    key: string,
  ): Promise<LuaPart | null> {
    const { redis, config } = this.options;
    const digest = erasedDigest(reference, timestamp);
    const keys = [erasedKey(config.QUEUE_PREFIX, digest), storingKey(config.QUEUE_PREFIX)];
    const member = `${digest} ${objectDigestOf(key)} ${this.process}`;
    if ((await BEGIN_STORING.run(redis, keys, [member, FORGOTTEN_MS])) === 0) return null;
    return { lua: END_STORING_LUA, keys, args: [member] };
  }

  /** Never rejects: what stays by an error goes after a while. */
  async endStoring({ keys, args }: LuaPart): Promise<void> {
    await END_STORING.run(this.options.redis, keys, args).catch(() => {});
  }

  /** The lock of a job was lost. Never rejects. */
  async eraseAgain({ reference, timestamp, atlasBatchIds }: ErasableBatch): Promise<void> {
    const { redis, config, logger } = this.options;
    try {
      const span = await this.spanOf(reference, timestamp);
      if (span === null) return;
      const digest = erasedDigest(reference, timestamp);
      logger.warn({ digest }, 'a batch was erased while this worker had it; erasing what it wrote');
      // Others may have used the reference since.
      const traces: Traces = {
        ...{ reference, timestamp, span, earlierToo: false },
        ...{ atlasBatchIds: new Set(atlasBatchIds), ends: new Set(), eventJobIds: new Set() },
        // Searches name what is in Redis: whoever erased the batch has been there since.
        documentNames: new DocumentNames([]),
      };
      await eraseUntilGone({ redis, prefix: config.QUEUE_PREFIX }, traces);
      await this.eraseResults(traces);
    } catch (error) {
      const fields = errorFields(error);
      logger.error(
        fields,
        'what this worker wrote of an erased batch could not be erased; erase it again',
      );
    }
  }

  /** Null for a batch that was not erased within a day. */
  private async spanOf(reference: string, timestamp: number): Promise<ErasedSpan | null> {
    const { redis, config } = this.options;
    const key = erasedKey(config.QUEUE_PREFIX, erasedDigest(reference, timestamp));
    return readErased(await redis.get(key));
  }

  private async eraseResults(traces: Traces): Promise<void> {
    const { config } = this.options;
    const root = resultsRoot(config.RESULTS_BUCKET, config.RESULTS_PREFIX);
    const folder = resultsFolder(root, traces.reference);
    await withResultsEraser(config, (eraser) =>
      eraser.erase(folder, async () => ownResults(folder, traces)),
    );
  }
}

/** The AWS SDK is loaded here: hardly any worker ever needs it. */
export async function withResultsEraser<T>(
  config: Config,
  act: (eraser: ResultsEraser) => Promise<T>,
): Promise<T> {
  const { createResultsEraser } = await import('../storage/results/erase-results.js');
  const eraser = createResultsEraser(storeOptionsOf(config));
  return act(eraser).finally(eraser.close);
}
