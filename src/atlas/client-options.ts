/** What a client of Atlas's API is made with. */
import type { Redis } from 'ioredis';
import type { Proxies } from '../http/proxy.js';
import type { Logger } from '../logging.js';
import type { FailingPlaces } from './failing-batches.js';
import type { AtlasObserver } from './observer.js';
import type { AtlasCredentials } from './token-vault.js';

export interface AtlasClientOptions {
  /** https, or http on loopback. */
  baseUrl: string;
  /** Asked each time: a secret may be rotated. */
  credentials: () => AtlasCredentials;
  /** One HTTP request, in milliseconds. */
  timeoutMs: number;
  /**
   * Most connections that are open at once. At least as many as calls at a time: a request that
   * waits for a connection goes out later than its budget said.
   */
  connections: number;
  /** Of batches that fail while others pass, calls at once. Default: as many as there are. */
  failingAtOnce?: FailingPlaces;
  /** Default: Atlas is reached directly. */
  proxies?: Proxies | undefined;
  /**
   * Shares the token, the budget and the block of a 429 over all processes. Without it the token
   * and the block are this process's own, and there is no budget. The caller closes it.
   */
  redis?: Redis;
  /** Of keys in Redis; holds a hash tag, such as `{atlas}`. */
  keyPrefix: string;
  /** Over all processes and endpoints; 0 is none. */
  maxRequestsPerSecond: number;
  logger: Logger;
  observer?: AtlasObserver;
  /** Uniform in [0, 1). */
  random?: () => number;
}
