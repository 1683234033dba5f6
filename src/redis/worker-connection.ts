/** The connection of a worker to Redis, which all its jobs share. */
import type { Command, Redis } from 'ioredis';
import { createRepeatedWarnings } from '../logging/repeated-lines.js';
import type { Logger } from '../logging.js';
import { type ConnectionOptions, RedisConnection } from './connection/connection.js';
import { joinWrites } from './joined-writes.js';
import { complaintOf, isRefusal, redisAddress, refusalOf } from './reply-error.js';

type WriteTarget = Parameters<Redis['sendCommand']>[1];

/**
 * A Redis client that gathers writes. Commands that are sent in one turn of the event loop, or in
 * the next, go out in one write to the socket. An idle process has its next turn at once, so no
 * command is late. Order, replies and reconnection are those of ioredis.
 * Measured interleaved, at 50 batches at once: a write per command costs 7 % more of a worker's CPU
 * and 20 % more of Redis's; gathering one turn only, 2 to 3 % more of Redis's.
 */
export class GatheringRedis extends RedisConnection {
  /** Called for each error reply. */
  onErrorReply: (error: Error) => void = () => {};
  /** Logs an error of this connection, or of one for blocking commands. One that others pass on counts once. */
  complain: (error: Error) => void = () => {};

  override handleReconnection(...[error, item]: Parameters<Redis['handleReconnection']>): void {
    this.onErrorReply(error);
    super.handleReconnection(error, item);
  }

  override sendCommand(command: Command, target?: WriteTarget): unknown {
    // Undefined while it connects, whatever the type says.
    const socket: Redis['stream'] | undefined = this.stream;
    if (socket?.writableCorked === 0) {
      socket.cork();
      setImmediate(() => setImmediate(() => socket.uncork()));
    }
    return super.sendCommand(command, target);
  }
}

/** Connects, and goes on connecting whenever the connection breaks. */
export function connectRedis(options: ConnectionOptions, logger: Logger): GatheringRedis {
  // As BullMQ wants it: a command waits for Redis, and is sent again after a reconnection.
  const redis = new GatheringRedis({ ...options, maxRetriesPerRequest: null });
  redis.on('connect', () => joinWrites(redis.stream));
  const warn = createRepeatedWarnings(logger);
  const told = new WeakSet<Error>();
  redis.complain = (error) => {
    if (told.has(error)) return;
    told.add(error);
    warn(undefined, complaintOf(redis, error));
  };
  redis.on('error', redis.complain);
  return redis;
}

/** A Redis that is up serves in milliseconds; who waits longer wants to know for what. */
const SAY_AFTER_MS = 2000;
/** A server that speaks none waits in silence for what it can read. */
const NO_TLS = '. If it speaks no TLS, use redis:// in REDIS_URL';
/** A Redis that says this is starting: it serves in a moment. */
const LOADING = /^LOADING\b/;

/**
 * Resolves when the connection is usable, however long Redis is away.
 * @throws RedisUnavailableError when Redis is there and refuses us.
 */
export function whenReady(redis: Redis, logger: Logger): Promise<void> {
  if (redis.status === 'ready') return Promise.resolve();
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => {
      const { sentinels, tls } = redis.options;
      const [at, hint] = [redisAddress(redis), tls && !sentinels ? NO_TLS : ''];
      logger.warn({}, `Redis at ${at} does not serve yet; waiting for it${hint}`);
    }, SAY_AFTER_MS);
    const settle = (act: () => void) => {
      clearTimeout(timer);
      redis.off('ready', onReady);
      redis.off('error', onError);
      act();
    };
    const onReady = () => settle(resolve);
    const onError = (error: Error) => {
      if (!isRefusal(error) || LOADING.test(error.message)) return;
      settle(() => reject(refusalOf(redis, error)));
    };
    redis.on('ready', onReady);
    redis.on('error', onError);
  });
}
