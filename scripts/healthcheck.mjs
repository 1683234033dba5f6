/**
 * Health of a container that runs a worker: is it connected to its Redis?
 *
 * Reads the kernel's table of connections, so it needs no password and no library, and holds
 * behind address translation and TLS. It does not see a process that hangs while connected: that
 * one's jobs stall and are taken by other workers.
 */
import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** State of a TCP connection in /proc/net/tcp. */
const ESTABLISHED = '01';
const DEFAULT_REDIS_PORT = 6379;

/**
 * @param {string} table contents of /proc/net/tcp or /proc/net/tcp6
 * @param {number} port
 */
export function isConnectedTo(table, port) {
  const wanted = port.toString(16).toUpperCase().padStart(4, '0');
  return table
    .split('\n')
    .slice(1)
    .map((line) => line.trim().split(/\s+/))
    .some(([, , remote, state]) => remote?.endsWith(`:${wanted}`) && state === ESTABLISHED);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const port = Number(new URL(process.env.REDIS_URL ?? '').port) || DEFAULT_REDIS_PORT;
  const tables = ['/proc/net/tcp', '/proc/net/tcp6'].filter((path) => existsSync(path));
  const connected = tables.some((path) => isConnectedTo(readFileSync(path, 'utf8'), port));
  if (!connected) console.error(`no connection to Redis on port ${port}`);
  process.exitCode = connected ? 0 : 1;
}
