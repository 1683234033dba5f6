/**
 * What a version has stored in Redis, as a fixture: every key of a prefix at one moment, with the times
 * in it. Written again later, all times are moved by as much as has passed.
 */
import type { Redis } from 'ioredis';
import type { S3Simulator } from '../../src/simulator/index.js';
import type { System } from './system.js';

type StoredKey = { ttlMs: number | null } & (
  | { type: 'string'; value: string }
  | { type: 'hash'; value: Record<string, string> }
  | { type: 'list' | 'set'; value: string[] }
  /** Members with their scores. */
  | { type: 'zset'; value: [string, string][] }
  /** Ids with names and values in turn. */
  | { type: 'stream'; value: [string, string[]][] }
);

export interface StoredShapes {
  /** When it was recorded, in ms since 1970. */
  recordedAt: number;
  /** References of the batches in it that have to end. */
  references: string[];
  /** Atlas batches that it names, by the ids of their documents as Atlas knows them. */
  atlasBatches: Record<string, string[]>;
  /** Variables of a worker that matter. */
  environment: Record<string, string>;
  /** By what follows the prefix. */
  keys: Record<string, StoredKey>;
}

/** Of live processes: they are gone when somebody reads the fixture. */
const OF_PROCESSES =
  /:(workers|bucket-rules|stores-read|readers|stalled-check|token.*|lock|.*:lock|receipts-wanted:.*)$/;
/** BullMQ keeps the time of a delayed job in the upper bits of its score. */
const DELAYED_SCALE = 0x1000;

export async function recordShapes(
  system: System,
  about: Pick<StoredShapes, 'references' | 'environment'>,
): Promise<StoredShapes> {
  const { redis, prefix } = system;
  const names = (await redis.keys(`${prefix}:*`)).filter((name) => !OF_PROCESSES.test(name)).sort();
  const keys: StoredShapes['keys'] = {};
  for (const name of names) {
    const stored = await readKey(redis, name);
    keys[name.slice(prefix.length)] = JSON.parse(
      JSON.stringify(stored).replaceAll(prefix, '{fixture}'),
    );
  }
  const [seconds] = await redis.time();
  const atlasBatches = Object.fromEntries(
    system.atlas.uploads().map(({ batchId, documentIds }) => [batchId, [...documentIds]]),
  );
  return { recordedAt: Number(seconds) * 1000, ...about, atlasBatches, keys };
}

async function readKey(redis: Redis, name: string): Promise<StoredKey> {
  const [type, ttl] = await Promise.all([redis.type(name), redis.pttl(name)]);
  const ttlMs = ttl < 0 ? null : ttl;
  switch (type) {
    case 'string':
      return { ttlMs, type, value: (await redis.get(name)) ?? '' };
    case 'hash':
      return { ttlMs, type, value: await redis.hgetall(name) };
    case 'list':
      return { ttlMs, type, value: await redis.lrange(name, 0, -1) };
    case 'set':
      return { ttlMs, type, value: await redis.smembers(name) };
    case 'zset': {
      const flat = await redis.zrange(name, '0', '-1', 'WITHSCORES');
      const pairs = flat.flatMap((member, i): [string, string][] =>
        i % 2 === 0 ? [[member, flat[i + 1] ?? '0']] : [],
      );
      return { ttlMs, type, value: pairs };
    }
    case 'stream':
      return { ttlMs, type, value: await redis.xrange(name, '-', '+') };
    default:
      throw new Error(`${name} is a ${type}`);
  }
}

/** Writes the fixture into the system, whose Atlas and S3 get what it names. */
export async function writeShapes(system: System, shapes: StoredShapes): Promise<void> {
  const { redis, prefix, atlas, s3 } = system;
  const [seconds] = await redis.time();
  const passedMs = Number(seconds) * 1000 - shapes.recordedAt;
  let text = JSON.stringify(shapes.keys).replaceAll('{fixture}', prefix);
  for (const [recorded, documentIds] of Object.entries(shapes.atlasBatches)) {
    text = text.replaceAll(recorded, await uploadByHand(atlas.url, documentIds));
  }
  text = text.replace(/(?<!\d)1[78]\d{11}(?!\d)/g, (time) => String(Number(time) + passedMs));
  for (const [name, stored] of Object.entries(JSON.parse(text) as StoredShapes['keys'])) {
    const key = prefix + name;
    await writeKey(redis, key, stored, name.endsWith(':delayed') ? passedMs * DELAYED_SCALE : 0);
    if (stored.ttlMs !== null) await redis.pexpire(key, stored.ttlMs);
    if (stored.type === 'hash' && stored.value.data) putScans(s3, JSON.parse(stored.value.data));
  }
}

async function writeKey(redis: Redis, key: string, stored: StoredKey, more: number): Promise<void> {
  switch (stored.type) {
    case 'string':
      await redis.set(key, stored.value);
      break;
    case 'hash':
      await redis.hset(key, stored.value);
      break;
    case 'list':
      await redis.rpush(key, ...stored.value);
      break;
    case 'set':
      await redis.sadd(key, ...stored.value);
      break;
    case 'zset':
      for (const [member, score] of stored.value) {
        await redis.zadd(key, more === 0 ? score : Number(score) + more, member);
      }
      break;
    case 'stream':
      for (const [id, fields] of stored.value) await redis.xadd(key, id, ...fields);
  }
}

/** @param data Of a job; only those of batches name objects. */
function putScans(s3: S3Simulator, { documents }: { documents?: unknown }): void {
  for (const one of Array.isArray(documents) ? documents : []) {
    const { bucket, key } = Object(one);
    if (typeof bucket === 'string' && typeof key === 'string')
      s3.put(bucket, key, `scan of ${key}`);
  }
}

/** Sends documents as somebody who is gone now. @returns the `batch_id` that Atlas gives. */
export async function uploadByHand(url: string, documentIds: readonly string[]): Promise<string> {
  const post = async (path: string, headers: Record<string, string>, body?: object) => {
    const response = await fetch(`${url}/v1/docstream/${path}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...headers },
      ...(body && { body: JSON.stringify(body) }),
    });
    if (!response.ok) throw new Error(`${path}: ${response.status}`);
    return (await response.json()) as { access_token: string; batch_id: string };
  };
  const credentials = { 'client-id': 'test-client', 'client-secret': 'test-client-secret' };
  const { access_token: token } = await post('authtoken', credentials);
  const files = documentIds.map((document_id) => ({
    file_url: 'http://127.0.0.1/',
    document_id,
  }));
  const body = { product_type: 'LOAN_APP', file_urls: files };
  return (await post('multiupload', { token }, body)).batch_id;
}
