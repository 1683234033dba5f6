/** Everything around the demo: a private Redis, the stand-ins, and a worker with its dashboard as a process. */
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { startOrphanReaper } from '../scripts/orphan-reaper.js';
import { startPrivateRedis } from '../scripts/private-redis.js';
import { BATCHES_PATH } from '../src/server/dashboard/dashboard-path.js';
import { type Simulators, startSimulators } from '../src/simulator/index.js';
import { LOST_DOCUMENT, SCANS_BUCKET } from './batches.js';

/** Relative to the repository; not under version control. */
export const OUTPUT = '.demo';
export const RESULTS_BUCKET = 'atlas-results';
const ROOT = fileURLToPath(new URL('..', import.meta.url));
const WORKER_LOG = join(OUTPUT, 'worker.log');
/** Loopback only, for as long as the demo runs; but a password in a repository is none. */
const LOGIN = { user: 'demo', password: randomBytes(9).toString('base64url') };

/**
 * Atlas takes this long for a document. All but the lost one must be done within one round,
 * which is half of the deadline below.
 */
const FASTEST_MS = 800;
const SLOWEST_MS = 4000;
/** Production waits minutes; the demo shows an incomplete batch in seconds. */
const DEADLINE_MS = 16_000;
const POLL_MIN_MS = 300;
const POLL_MAX_MS = 1500;

export interface Stage {
  redisUrl: string;
  dashboard: { url: string; user: string; password: string };
  simulators: Simulators;
  /** A line each. */
  describe(): string[];
  stop(): Promise<void>;
}

/** Starts all of it, or nothing. `signal` ends the attempt. */
export async function setStage(signal: AbortSignal): Promise<Stage> {
  const started: (() => Promise<void>)[] = [];
  const stop = async () => {
    for (const end of started.splice(0).reverse()) await end();
  };
  try {
    await rm(join(ROOT, OUTPUT), { recursive: true, force: true });
    await mkdir(join(ROOT, OUTPUT), { recursive: true });
    const redis = await startPrivateRedis();
    started.push(() => redis.stop());
    const simulators = await startSimulators({
      atlas: {
        completionMs: ({ random }) => FASTEST_MS + random() * (SLOWEST_MS - FASTEST_MS),
        neverArrives: (documentId) => documentId === LOST_DOCUMENT,
      },
    });
    started.push(() => simulators.stop());
    const worker = await startWorker({ ...simulators.environment, REDIS_URL: redis.url }, signal);
    started.push(() => worker.stop());
    return {
      redisUrl: redis.url,
      dashboard: { url: `${worker.url}${BATCHES_PATH}`, ...LOGIN },
      simulators,
      describe: () => [
        `Redis   private, on port ${redis.port}`,
        `Atlas   simulated, ${simulators.atlas.url}`,
        `S3      simulated, ${simulators.s3.url}`,
        `worker  node dist/cli.js start, process ${worker.pid}, log in ${WORKER_LOG}`,
      ],
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

async function startWorker(environment: Record<string, string>, signal: AbortSignal) {
  signal.throwIfAborted();
  const child = spawn(process.execPath, [join(ROOT, 'dist/cli.js'), 'start'], {
    cwd: ROOT,
    env: {
      PATH: process.env.PATH,
      ...environment,
      RESULTS_BUCKET,
      S3_ALLOWED_BUCKETS: SCANS_BUCKET,
      BATCH_DEADLINE_MS: String(DEADLINE_MS),
      POLL_MIN_MS: String(POLL_MIN_MS),
      POLL_MAX_MS: String(POLL_MAX_MS),
      PORT: '0',
      DASHBOARD_USER: LOGIN.user,
      DASHBOARD_PASSWORD: LOGIN.password,
    },
    // In a process group of its own, so that Ctrl-C reaches only the demo, which then stops it.
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  // Without this the worker would go on when the demo is killed.
  const orphanReaper = startOrphanReaper(await mkdtemp(join(tmpdir(), 'atlas-batch-demo-')));
  orphanReaper.watch(child.pid);
  const exited = once(child, 'exit');
  const log = createWriteStream(join(ROOT, WORKER_LOG));
  child.stderr.pipe(log, { end: false });
  child.stdout.pipe(log, { end: false });

  const stop = async () => {
    child.kill('SIGTERM');
    await exited;
    log.end();
    await orphanReaper.finish();
  };
  try {
    const url = await addressOnceStarted(child, signal);
    return { pid: child.pid, url, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** Resolves with the server's address when the log says that worker and server have started. */
function addressOnceStarted(child: ReturnType<typeof spawn>, signal: AbortSignal): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = '';
    child.stdout?.on('data', (chunk) => {
      text += chunk;
      const [, url] = /"url":"([^"]+)".*server started/.exec(text) ?? [];
      if (url !== undefined && text.includes('worker started')) resolve(url);
    });
    child.once('exit', () => reject(new Error(`the worker did not start; see ${WORKER_LOG}`)));
    signal.addEventListener('abort', () => reject(signal.reason), { once: true });
  });
}
