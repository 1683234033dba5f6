/**
 * Preloaded (`node --import`) into a worker process that is to die, or to freeze, at a given point:
 * every await of a processor that reaches the outside is a write to a socket, so the n-th write
 * of the process lies between two of its awaits.
 *
 * FAULT_AT     number of the write, from 1; at its end the process says how many it made
 * FAULT_SIGNAL SIGKILL or SIGSTOP
 * FAULT_WHEN   `before` the write goes out, or `after` it did
 */
import { writeSync } from 'node:fs';
import { Socket } from 'node:net';

const at = Number(process.env.FAULT_AT);
const signal = process.env.FAULT_SIGNAL ?? 'SIGKILL';
const after = process.env.FAULT_WHEN === 'after';
let writes = 0;
process.on('exit', () => writeSync(1, `writes: ${writes}\n`));

/** @type {any} Node's own name for what every write of a socket goes through. */
const sockets = Socket.prototype;
const write = sockets._writeGeneric;

/** @this {Socket} @param {unknown[]} args */
sockets._writeGeneric = function faultyWrite(...args) {
  writes += 1;
  if (writes !== at) return write.apply(this, args);
  writeSync(1, `fault at write ${at}\n`);
  if (after) write.apply(this, args);
  process.kill(process.pid, signal);
  return after ? undefined : write.apply(this, args);
};
