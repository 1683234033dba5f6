/**
 * A Redis server of our own: on a free port, in a directory of its own, gone when we are.
 *
 * Tests, demo and benchmarks use it so that they never touch a Redis that somebody else runs.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { randomPort } from './free-port.js';
import { startOrphanReaper } from './orphan-reaper.js';
import { findRedisServer, HOW_TO_INSTALL_REDIS } from './redis-binary.mjs';

export interface PrivateRedisOptions {
  /** Keep an append-only file, so that `kill()` and `restart()` lose nothing. Default: no. */
  readonly appendOnly?: boolean;
  /** When the append-only file reaches the disk. Default: `everysec`. */
  readonly appendfsync?: 'always' | 'everysec' | 'no';
  /** More arguments of `redis-server`, such as `['--maxmemory', '50mb']`. They win. */
  readonly args?: readonly string[];
}

export interface PrivateRedis {
  readonly url: string;
  readonly port: number;
  readonly dir: string;
  /** Process id of the running server; another one after `restart()`. */
  readonly pid: number;
  /** Ends the server and removes its directory. May be called twice, and after `kill()`. */
  stop(): Promise<void>;
  /** SIGKILL, as a crash; returns when the process is gone. Directory and port are kept. */
  kill(): Promise<void>;
  /** Starts it again on the same port and directory; one that still runs is ended in order first. */
  restart(): Promise<void>;
}

/** Loading a large append-only file takes long; a server that has not answered by then never will. */
const START_TIMEOUT_MS = 30_000;
/** How often a starting server is asked; an idle one answers its first PING after about 20 ms. */
const PING_EVERY_MS = 10;
/** A server without snapshots ends at once; past this it hangs. */
const STOP_TIMEOUT_MS = 5_000;
/** Another process may take the port between our choice and Redis's bind. */
const PORT_ATTEMPTS = 10;

/** Starts a server and waits until it answers. Rejects with what is wrong and Redis's own last words. */
export async function startPrivateRedis(options: PrivateRedisOptions = {}): Promise<PrivateRedis> {
  const program = findRedisServer();
  if (program === undefined) throw new Error(HOW_TO_INSTALL_REDIS);
  const dir = await mkdtemp(join(tmpdir(), 'atlas-batch-redis-'));
  const orphanReaper = startOrphanReaper(dir);
  let port = 0;
  let server: ChildProcess | undefined;

  const launch = async (): Promise<void> => {
    const child = spawn(program, serverArguments(port, dir, options), {
      // A group of its own: Ctrl-C must reach us, who end what uses Redis first, and not Redis.
      detached: true,
      stdio: 'ignore',
    });
    child.unref();
    orphanReaper.watch(child.pid);
    server = child;
    await answers(child, port, dir);
  };
  const end = async (signal: 'SIGTERM' | 'SIGKILL'): Promise<void> => {
    if (server !== undefined) await endProcess(server, signal);
    orphanReaper.watch(undefined);
    server = undefined;
  };

  try {
    for (let attempt = 1; server === undefined; attempt += 1) {
      port = randomPort();
      try {
        await launch();
      } catch (error) {
        await end('SIGKILL');
        if (attempt === PORT_ATTEMPTS || !isPortTaken(error)) throw error;
      }
    }
  } catch (error) {
    await orphanReaper.finish();
    throw error;
  }

  return {
    url: `redis://127.0.0.1:${port}`,
    port,
    dir,
    get pid() {
      if (server?.pid === undefined) throw new Error('the private Redis is not running');
      return server.pid;
    },
    async stop() {
      await end('SIGTERM');
      await orphanReaper.finish();
    },
    kill: () => end('SIGKILL'),
    async restart() {
      await end('SIGTERM');
      await launch();
    },
  };
}

function serverArguments(port: number, dir: string, options: PrivateRedisOptions): string[] {
  return [
    ...['--bind', '127.0.0.1', '--port', String(port), '--dir', dir, '--logfile', 'redis.log'],
    ...['--save', '', '--appendonly', options.appendOnly === true ? 'yes' : 'no'],
    ...['--appendfsync', options.appendfsync ?? 'everysec', '--maxmemory-policy', 'noeviction'],
    ...(options.args ?? []),
  ];
}

/** Resolves when the server on `port` answers and is really `child`; rejects when `child` is gone. */
async function answers(child: ChildProcess, port: number, dir: string): Promise<void> {
  const deadline = performance.now() + START_TIMEOUT_MS;
  while (isRunning(child)) {
    const answer = await ask(port);
    // While it loads its file it answers -LOADING. Another server on this port has another pid.
    if (answer.startsWith('+PONG') && answer.includes(`process_id:${child.pid}\r`)) return;
    if (performance.now() > deadline) break;
    await delay(PING_EVERY_MS);
  }
  const log = await readFile(join(dir, 'redis.log'), 'utf8').catch(() => '');
  const lastWords = log.trim().split('\n').slice(-5).join('\n');
  throw new Error(`redis-server did not start on port ${port}:\n${lastWords}`);
}

/** The answer to PING and INFO, or what there is of it; empty when nobody listens. */
function ask(port: number): Promise<string> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    let answer = '';
    socket.setEncoding('utf8').setTimeout(1_000, () => socket.destroy());
    socket.on('connect', () => socket.write('PING\r\nINFO server\r\nQUIT\r\n'));
    socket.on('data', (chunk) => {
      answer += chunk;
    });
    socket.on('error', () => socket.destroy());
    socket.on('close', () => resolve(answer));
  });
}

function isRunning(child: ChildProcess): boolean {
  return child.pid !== undefined && child.exitCode === null && child.signalCode === null;
}

async function endProcess(child: ChildProcess, signal: 'SIGTERM' | 'SIGKILL'): Promise<void> {
  if (!isRunning(child)) return;
  child.ref();
  const exited = once(child, 'exit');
  child.kill(signal);
  const timeout = setTimeout(() => child.kill('SIGKILL'), STOP_TIMEOUT_MS);
  await exited;
  clearTimeout(timeout);
}

function isPortTaken(error: unknown): boolean {
  return error instanceof Error && /address already in use/i.test(error.message);
}
