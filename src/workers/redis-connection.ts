/** The connection of a worker to Redis, which all its jobs share. */
import type { Duplex } from 'node:stream';
import { type Command, Redis } from 'ioredis';
import { errorFields, type Logger } from '../logging.js';
import { defineDropCommands } from './drop-polls.js';
import { defineLeaseCommands } from './job-lease.js';

type WriteTarget = Parameters<Redis['sendCommand']>[1];

/**
 * Tens of jobs send their commands in the same turns of the event loop. Those of a turn and of the
 * next go out in one write: a write of its own for each was a quarter of a worker's CPU. A worker
 * with nothing else to do has its next turn at once, so nothing is late. Nothing else changes;
 * order, answers and what happens when the connection breaks are those of ioredis.
 */
class GatheringRedis extends Redis {
  override sendCommand(command: Command, target?: WriteTarget): unknown {
    // None yet while it connects, whatever the type says.
    const socket: Redis['stream'] | undefined = this.stream;
    if (socket?.writableCorked === 0) {
      socket.cork();
      setImmediate(() => setImmediate(() => socket.uncork()));
    }
    return super.sendCommand(command, target);
  }
}

/** Connects, and goes on connecting whenever the connection breaks. */
export function connectRedis(url: string, logger: Logger): Redis {
  // BullMQ's workers wait for Redis rather than fail: a command is sent again after a reconnection.
  const redis = new GatheringRedis(url, { maxRetriesPerRequest: null });
  redis.on('connect', () => joinWrites(redis.stream));
  redis.on('error', (error) => logger.warn(errorFields(error), 'Redis: trouble'));
  defineLeaseCommands(redis);
  defineDropCommands(redis);
  return redis;
}

type Chunks = Parameters<NonNullable<Duplex['_writev']>>[0];

/** One buffer for all that was gathered: a vector of many small strings costs twice as much. */
function joinWrites(socket: Duplex): void {
  socket._writev = (chunks: Chunks, done) => {
    socket._write(joined(chunks), 'buffer' as BufferEncoding, done);
  };
}

/** Most commands are text; those of BullMQ's that add jobs hold packed bytes. */
function joined(chunks: Chunks): Buffer {
  const parts: Buffer[] = [];
  let text = '';
  for (const { chunk } of chunks) {
    if (typeof chunk === 'string') text += chunk;
    else {
      if (text !== '') parts.push(Buffer.from(text));
      parts.push(chunk);
      text = '';
    }
  }
  if (text !== '') parts.push(Buffer.from(text));
  return parts.length === 1 && parts[0] !== undefined ? parts[0] : Buffer.concat(parts);
}
