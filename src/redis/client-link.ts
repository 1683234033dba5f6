/**
 * The connection of a client to Redis. A worker waits for Redis. A client must not,
 * because a person or a request waits for it. So it fails fast, and says which Redis failed and why.
 */
import type { Redis } from 'ioredis';
import { ClientClosedError, errorCode, PermanentError } from '../errors.js';
import { unlessAborted } from '../timeouts.js';
import { type ConnectionOptions, FOR_BLOCKING, RedisConnection } from './connection/connection.js';
import { isReplyError, unavailable } from './reply-error.js';

/** To connect, and to wait for a connection that comes back. */
const READY_TIMEOUT_MS = 5000;
/** For a reply. A Redis that takes longer than this hangs. */
const COMMAND_TIMEOUT_MS = 15_000;

/** Of a record that any program may write, such as the options of a job. */
const NO_JSON =
  'what is stored in Redis of this is no JSON: others than atlas-batch have written it';

export interface RedisLink<Connection extends Redis = Redis> {
  readonly redis: Connection;
  /**
   * Runs an action on Redis.
   * @throws RedisUnavailableError when there is no connection, or it breaks on the way;
   * PermanentError `INTERNAL` when what it reads is no JSON; ClientClosedError when the link is closed meanwhile.
   */
  run<T>(action: () => Promise<T>): Promise<T>;
  /** A connection without time limits, for BullMQ's blocking reads. It is closed with the link. */
  forBlocking(): RedisConnection;
  /** A connection that the caller owns stays open. May be called twice. */
  close(): void;
}

/** A connection of our own. It opens at once, and reopens by itself when it breaks. */
export function openLink(options: ConnectionOptions): RedisLink<RedisConnection> {
  const redis = new RedisConnection({
    ...options,
    maxRetriesPerRequest: 1,
    commandTimeout: COMMAND_TIMEOUT_MS,
    // A failover has its moment, as a connection has.
    resendForMs: READY_TIMEOUT_MS,
  });
  return createLink(redis, () => redis.disconnectAll());
}

/** A connection that the caller owns. */
export function borrowLink(redis: Redis): RedisLink {
  return createLink(redis, () => {});
}

function createLink<Connection extends Redis>(
  redis: Connection,
  disconnect: () => void,
): RedisLink<Connection> {
  const blocking = new Set<RedisConnection>();
  let lastError: Error | undefined;
  /** One wait for all calls of the moment. */
  let whenReady: Promise<void> | undefined;
  const closing = new AbortController();
  const remember = (error: Error) => {
    lastError = error;
  };
  const forget = () => {
    lastError = undefined;
  };
  redis.on('error', remember);
  redis.on('ready', forget);

  return {
    redis,
    async run(action) {
      closing.signal.throwIfAborted();
      if (redis.status !== 'ready') {
        whenReady ??= nextReady(redis).finally(() => {
          whenReady = undefined;
        });
        await unlessAborted(whenReady, closing.signal).catch((error) => {
          closing.signal.throwIfAborted();
          throw unavailable(redis, error ?? lastError);
        });
      }
      try {
        // A connection of the caller may keep a command for as long as Redis is away.
        return await unlessAborted(action(), closing.signal);
      } catch (error) {
        closing.signal.throwIfAborted();
        if (isConnectionError(error)) throw unavailable(redis, lastError ?? error);
        // The error quotes what is no JSON; as a cause it does not.
        if (error instanceof SyntaxError)
          throw new PermanentError('INTERNAL', NO_JSON, { cause: error });
        throw error;
      }
    },
    forBlocking() {
      const connection = new RedisConnection({
        ...redis.options,
        maxRetriesPerRequest: null,
        commandTimeout: undefined,
        lazyConnect: true,
        ...FOR_BLOCKING,
      });
      connection.on('end', () => blocking.delete(connection));
      blocking.add(connection);
      return connection;
    },
    close() {
      closing.abort(new ClientClosedError());
      for (const connection of blocking) connection.disconnectAll();
      redis.off('error', remember);
      redis.off('ready', forget);
      disconnect();
    },
  };
}

/** Resolves when the connection is usable. Rejects at its next error, or after a time limit. */
function nextReady(redis: Redis): Promise<void> {
  return new Promise((resolve, reject) => {
    const settle = (act: () => void) => () => {
      clearTimeout(timer);
      redis.off('ready', onReady);
      redis.off('error', onError);
      redis.off('end', onEnd);
      act();
    };
    const onReady = settle(resolve);
    const onError = (error: Error) => settle(() => reject(error))();
    const onEnd = settle(() => reject());
    const timer = setTimeout(onEnd, READY_TIMEOUT_MS);
    redis.on('ready', onReady);
    redis.on('error', onError);
    redis.on('end', onEnd);
    if (redis.status === 'wait') redis.connect().catch(onError);
    if (redis.status === 'end') onEnd();
  });
}

const NETWORK_CODES = /^(E[A-Z]+|ERR_(SSL|TLS|SOCKET)\w*)$/;
const IOREDIS_MESSAGES = /^(Connection is closed|Command timed out|Stream isn't writeable)/;

/** Whether Redis, or the way to it, failed an action: anything else is an error of the action. */
export function isConnectionError(error: unknown): error is Error {
  return (
    error instanceof Error &&
    (error.name === 'MaxRetriesPerRequestError' ||
      IOREDIS_MESSAGES.test(error.message) ||
      isReplyError(error) ||
      // ioredis puts the command, with its arguments, on what it rejects.
      'command' in error ||
      NETWORK_CODES.test(errorCode(error) ?? ''))
  );
}
