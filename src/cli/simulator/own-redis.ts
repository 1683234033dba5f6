/**
 * A Redis server of the simulator's own, for who has none: on a free port of this machine, behind a password,
 * without a file that outlives it. It ends with this process, however that ends.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes, randomInt } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { targetAtUrl } from '../../client/redis-address.js';
import { RedisUnavailableError, UsageError } from '../../errors.js';
import { openLink } from '../../redis/client-link.js';
import { connectionOptions } from '../../redis/connection/connect.js';
import { pause } from '../../timeouts.js';
import type { Stoppable } from '../run-until-signal.js';

export interface OwnRedis extends Stoppable {
  /** With its password. */
  url: string;
}

/** Below the range from which systems take ports of outgoing connections. */
const PORTS = { first: 20_000, last: 32_000 };
/** Somebody else may have the port. */
const TRIES = 10;
/** An idle server answers some 20 ms after its start. */
const ASK_EVERY_MS = 20;
const START_TIMEOUT_MS = 10_000;
/** As shells say that there is no such program. */
const NOT_FOUND = 127;

/**
 * Ends the server and removes its folder when its own input ends: that is when we say so, exit, crash or are
 * killed. The server is in the group of the shell, so Ctrl-C reaches us first.
 */
const SCRIPT = `
server=$(command -v redis-server || command -v valkey-server) || { rm -rf "$1"; exit ${NOT_FOUND}; }
exec 3<&0
"$server" "$1/redis.conf" </dev/null >/dev/null 2>&1 &
pid=$!
(cat <&3 >/dev/null; kill "$pid" 2>/dev/null) &
wait "$pid"
rm -rf "$1"`;

/** @throws UsageError when there is no such program, or it does not start. */
export async function startOwnRedis(): Promise<OwnRedis> {
  for (let tries = 0; tries < TRIES; tries += 1) {
    const started = await tryToStart(randomInt(PORTS.first, PORTS.last));
    if (started) return started;
  }
  throw new UsageError('redis-server does not start; set REDIS_URL to a Redis that runs');
}

/** Undefined when the server has ended at once, as it does where the port is taken. */
async function tryToStart(port: number): Promise<OwnRedis | undefined> {
  const folder = mkdtempSync(join(tmpdir(), 'atlas-batch-simulator-'));
  const password = randomBytes(18).toString('hex');
  const lines = [`bind 127.0.0.1`, `port ${port}`, `dir ${folder}`, `requirepass ${password}`];
  const settings = [...lines, 'save ""', 'appendonly no', 'maxmemory-policy noeviction', ''];
  writeFileSync(join(folder, 'redis.conf'), settings.join('\n'), { mode: 0o600 });
  const shell = spawn('/bin/sh', ['-c', SCRIPT, 'redis', folder], {
    detached: true,
    stdio: ['pipe', 'ignore', 'ignore'],
  });
  shell.stdin?.on('error', () => {});
  const url = `redis://:${password}@127.0.0.1:${port}`;
  const stop = async () => {
    shell.stdin?.end();
    if (shell.exitCode === null) await once(shell, 'exit');
  };
  if (await answers(url, shell)) return { url, stop };
  await stop();
  if (shell.exitCode !== NOT_FOUND) return undefined;
  throw new UsageError(
    'there is no redis-server on the PATH; install one, or set REDIS_URL to a Redis that runs',
  );
}

/** Whether it answers to its password before it ends. */
async function answers(url: string, shell: ChildProcess): Promise<boolean> {
  const link = openLink(connectionOptions(targetAtUrl(url, 'the URL'), '{any}'));
  link.redis.on('error', () => {});
  const until = performance.now() + START_TIMEOUT_MS;
  try {
    while (shell.exitCode === null && performance.now() < until) {
      try {
        await link.run(() => link.redis.ping());
        return true;
      } catch (error) {
        if (!(error instanceof RedisUnavailableError)) throw error;
        await pause(ASK_EVERY_MS);
      }
    }
    return false;
  } finally {
    link.close();
  }
}
