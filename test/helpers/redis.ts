import { randomBytes } from 'node:crypto';
import { inject } from 'vitest';
import { targetAtUrl } from '../../src/client/redis-address.js';
import { connectionOptions } from '../../src/redis/connection/connect.js';
import type { ConnectionOptions } from '../../src/redis/connection/connection.js';

export interface TestRedis {
  /** Of the one private Redis that the whole run shares. Stop or break it only in your own. */
  readonly url: string;
  /** A key prefix, BullMQ's too, that no other test has. Its braces keep keys in one slot. */
  readonly prefix: string;
}

export function testRedis(): TestRedis {
  return { url: inject('redisUrl'), prefix: `{t-${randomBytes(6).toString('hex')}}` };
}

/** The options of a connection as a worker opens it. */
export function connectionTo(url: string): ConnectionOptions {
  return connectionOptions(targetAtUrl(url, 'the URL'), '{any}');
}
