import { randomInt } from 'node:crypto';

/**
 * Below the range from which Linux and macOS take the ports of outgoing connections (32768 and
 * 49152 up). While a server is down, a client that reconnects to a port of that range may be given
 * the same port for itself, connect to itself, and keep the server from coming back.
 */
const FIRST_PORT = 20_000;
const LAST_PORT = 32_000;

/** A port that is probably free. Whoever binds it tries another when it is not. */
export function randomPort(): number {
  return randomInt(FIRST_PORT, LAST_PORT + 1);
}
