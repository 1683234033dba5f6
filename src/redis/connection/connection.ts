/**
 * A connection that leaves a server which does not serve any more, whether that server says so or
 * falls silent. ioredis by itself reconnects only when the socket breaks.
 */
import { type Command, Redis, type RedisOptions } from 'ioredis';
import { bareError } from '../../errors.js';
import { noteConnectionError, noteMove } from './connection-errors.js';
import { breakWhenSilent } from './silence.js';
import type { RedisCredentials, RedisTarget } from './target.js';

/** A slot of a Cluster is moving: it is done with these keys in a moment. */
const ASK_AGAIN_MS = 100;
/** A connection that served for this long was no failed attempt. */
const STEADY_MS = 10_000;
/** Between attempts to connect. Doubled up to the longest, which keeps a failover short. */
const MIN_RETRY_MS = 50;
const MAX_RETRY_MS = 2000;
/** Hundreds of connections must not come back in the same moment. */
const JITTER_MS = 200;

/** The server does not serve our keys: another one does now, or this one will soon. */
const NOT_HERE = /(?:^|-)(?:READONLY|MASTERDOWN|LOADING|MOVED|CLUSTERDOWN|UNBLOCKED) /;
/** The slot is on its way to another node: what is refused now is served there in a moment. */
const ON_ITS_WAY = /^(?:ASK|TRYAGAIN) /;

/** A blocking command may be sent again, and hears of a failover when the old master is demoted. */
export const FOR_BLOCKING = {
  resendForMs: Number.POSITIVE_INFINITY,
  failoverDetector: false,
  opensInTheEnd: true,
};

type CommandItem = Parameters<Redis['handleReconnection']>[1];

export interface ConnectionOptions extends RedisOptions {
  /** Asked for each connection. */
  credentials?: (() => RedisCredentials) | undefined;
  /** See {@link RedisConnection.resendForMs}. Default 0. */
  resendForMs?: number | undefined;
  /**
   * Whether `connect` waits until the connection is usable, however long that takes. BullMQ opens a lazy one by it,
   * and when it rejects, because the first attempt failed, never again.
   */
  opensInTheEnd?: boolean | undefined;
  /** `QUEUE_PREFIX`, for what is said about keys. */
  queuePrefix?: string | undefined;
  /** For what is said about a server that is not the master any more. */
  topology?: RedisTarget['kind'] | undefined;
}

export class RedisConnection extends Redis {
  declare options: ConnectionOptions;
  /**
   * How long a refused command is sent again. A server that refuses a command because it does not
   * serve our keys has done nothing of it. After this time the command fails.
   */
  resendForMs: number;
  /** BullMQ may leave one open when Redis is away. */
  private readonly duplicates: RedisConnection[] = [];
  /** BullMQ may try to connect once more. */
  private isOver = false;
  private readonly refusedSince = new WeakMap<Command, number>();
  /** The socket that is being left: a hundred refusals leave it once. */
  private left: Redis['stream'] | undefined;
  private refusals = 0;
  /** One wait for all attempts. */
  private whenOpen: Promise<void> | undefined;
  private readyAt = 0;
  /** Whether the server is a Sentinel, which knows hardly a command. */
  isToSentinel = false;
  /** What the connection, or the attempt to open it, has come to. */
  private opening: { isReady: boolean; error?: Error } = { isReady: false };

  constructor(options: ConnectionOptions) {
    const retryStrategy = (times: number) => this.retryDelay(times);
    super({ ...options, retryStrategy } as RedisOptions & { replyMapping?: 'legacy' });
    this.resendForMs = options.resendForMs ?? 0;
    this.watchReadyCheck();
    let stopWatch = () => {};
    this.on('connect', () => {
      stopWatch();
      stopWatch = breakWhenSilent(this);
    });
    this.on('connecting', () => {
      this.opening = { isReady: false };
    });
    this.on('error', (error) => {
      this.opening.error = error;
      noteConnectionError(error);
    });
    this.on('ready', () => {
      this.opening.isReady = true;
      this.readyAt = performance.now();
    });
    this.on('close', () => {
      stopWatch();
      if (!this.opening.isReady) this.endOpening();
    });
    // ioredis forgets those that wait to be sent again, when the next connection is not there yet.
    this.on('end', () => {
      if (this.unfulfilled) rejectAll(this.unfulfilled);
    });
  }

  /**
   * ioredis checks with INFO, and alone by a callback, whether the server serves. Of a user who may not run it, it
   * would write to the console; who needs INFO says it better.
   */
  private watchReadyCheck(): void {
    const ask = this.info.bind(this) as (...args: unknown[]) => Promise<string>;
    const info = (...args: unknown[]) => {
      const callBack = args.at(-1);
      if (typeof callBack !== 'function') return ask(...args);
      return ask((error: Error | null, text = '') => {
        this.isToSentinel = /^redis_mode:sentinel\r?$/m.test(text);
        if (error?.message.startsWith('NOPERM')) callBack(null, '');
        else callBack(error, text);
      });
    };
    this.info = info as Redis['info'];
  }

  /** What had no reply when the last connection that served broke. */
  private get unfulfilled(): Redis['commandQueue'] | null {
    return Reflect.get(this as object, 'prevCommandQueue') ?? null;
  }

  /** ioredis forgets the commands that open a connection, and says nothing, when it is cut meanwhile. */
  private endOpening(): void {
    // Until a socket is open, it is the queue of the connection before: that is sent again.
    if (this.commandQueue !== this.unfulfilled) rejectAll(this.commandQueue);
    if (this.opening.error !== undefined) return;
    const message = 'the connection was closed before it served';
    this.silentEmit('error', Object.assign(new Error(message), { code: 'ECONNRESET' }));
  }

  override connect(callback?: (error?: Error | null) => void): Promise<void> {
    if (this.isOver) return Promise.reject(new Error('Connection is closed.'));
    Object.assign(this.options, this.options.credentials?.());
    const attempt = super.connect(callback);
    if (!this.options.opensInTheEnd) return attempt;
    attempt.catch(() => {});
    this.whenOpen ??= this.untilOpen().finally(() => {
      this.whenOpen = undefined;
    });
    return this.whenOpen;
  }

  private untilOpen(): Promise<void> {
    return new Promise((resolve, reject) => {
      const onReady = () => {
        this.off('end', onEnd);
        resolve();
      };
      const onEnd = () => {
        this.off('ready', onReady);
        reject(new Error('Connection is closed.'));
      };
      this.once('ready', onReady);
      this.once('end', onEnd);
    });
  }

  /** One for blocking commands, as BullMQ makes it: they wait for as long as Redis is away. */
  override duplicate(override: ConnectionOptions = {}): never {
    const duplicate = new RedisConnection({ ...this.options, ...override, ...FOR_BLOCKING });
    this.duplicates.push(duplicate);
    if (this.isOver) duplicate.disconnectAll();
    // It is what ioredis says that it returns, but for types that no class can name.
    return duplicate as never;
  }

  /** ioredis never ends a connection that is between two attempts, and says nothing of its end. */
  override disconnect(reconnect = false): void {
    if (!reconnect && this.status === 'reconnecting') this.status = 'wait';
    super.disconnect(reconnect);
  }

  /** Ends the connection and all duplicates for good, in whatever state they are. */
  disconnectAll(): void {
    for (const redis of [...this.duplicates, this]) {
      redis.isOver = true;
      // Errors of a connection that is being closed concern nobody, and must not end the process.
      redis.on('error', () => {});
      redis.disconnect();
    }
  }

  /** ioredis calls it for each error reply. */
  override handleReconnection(error: Error, item: CommandItem): void {
    const command = item.command as Command;
    const isNotHere = NOT_HERE.test(error.message);
    if (!isNotHere && !ON_ITS_WAY.test(error.message)) {
      super.handleReconnection(error, item);
      // It is followed by the end of the connection, which comes before ioredis speaks of it.
      if (/max number of clients/.test(error.message)) this.silentEmit('error', bareError(error));
      // ioredis would serve from database 0, which is somebody else's.
      if (command.name === 'select') this.disconnect(true);
      return;
    }
    if (isNotHere) this.leave(error);
    const now = performance.now();
    const since = this.refusedSince.get(command) ?? now;
    this.refusedSince.set(command, since);
    // A command of a transaction makes sense only between its MULTI and EXEC.
    const mayResend = !command.inTransaction && !/^(multi|exec)$/i.test(command.name);
    if (!mayResend || now - since >= this.resendForMs || this.condition?.handshake) {
      command.reject(error);
    } else if (isNotHere) {
      this.sendCommand(command);
    } else {
      setTimeout(() => this.sendCommand(command), ASK_AGAIN_MS);
    }
  }

  /** Connects anew, perhaps to another server. */
  private leave(error: Error): void {
    if (this.left === this.stream) return;
    this.left = this.stream;
    if (performance.now() - this.readyAt > STEADY_MS) this.refusals = 0;
    this.refusals += 1;
    // Without the command that was refused, and what it carries.
    const bare = bareError(error);
    noteMove(bare);
    this.silentEmit('error', bare);
    this.disconnect(true);
  }

  private retryDelay(times: number): number {
    const attempts = Math.max(times, this.refusals);
    return Math.min(MIN_RETRY_MS * 2 ** (attempts - 1), MAX_RETRY_MS) + JITTER_MS * Math.random();
  }
}

function rejectAll(queue: Redis['commandQueue']): void {
  for (let item = queue.shift(); item; item = queue.shift()) {
    (item.command as Command).reject(new Error('Connection is closed.'));
  }
}
