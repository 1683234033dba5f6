/** Reads the same fields of many hashes in one trip: each command on its own is a write to the socket. */
import type { Redis } from 'ioredis';

/** Values in the order of the keys, null for what a hash has not. @throws what Redis refused. */
export async function hashesOf(
  redis: Redis,
  keys: readonly string[],
  fields: readonly string[],
): Promise<(string | null)[][]> {
  if (keys.length === 0) return [];
  const pipeline = redis.pipeline();
  for (const key of keys) pipeline.hmget(key, ...fields);
  const replies = (await pipeline.exec()) ?? [];
  return replies.map(([error, values]) => {
    if (error) throw error;
    return values as (string | null)[];
  });
}
