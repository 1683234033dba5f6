/**
 * Measures the lag of batches whose completion Atlas calls, and the memory that a storm of forged
 * callbacks adds to the process that serves them.
 */
import { Pool } from 'undici';
import { randomPort } from '../../../scripts/free-port.js';
import type { BatchSummary } from '../../../src/jobs/summary.js';
import { residentMib } from '../process-usage.js';
import { type AtlasHabits, type Stage, setStage } from '../stage.js';
import { until } from '../until.js';

const CALLED = 200;
const COMPLETION_MS = 3000;
const WARM_UP = 20_000;
const STORM = 100_000;
const CONNECTIONS = 16;
const CREDENTIALS = { clientId: 'atlas', clientSecret: 'callback-secret' };
/** Nothing is found by a poll that no callback brought. */
const FAR_POLLS = { POLL_MIN_MS: '600000', POLL_MAX_MS: '600000' };
const PATH = '/callbacks/atlas';
/** Of a token, and of an address that sends too much. */
const REFUSALS = [401, 429];

export interface CallbackCosts {
  /** From the call to the event, one figure for each batch. */
  lagsMs: number[];
  /** Before and after the storm. */
  residentMib: [before: number, after: number];
}

export async function measureCallbacks(): Promise<CallbackCosts> {
  const port = randomPort();
  const url = `http://127.0.0.1:${port}`;
  const callback = { authUrl: `${url}${PATH}/token`, callbackUrl: `${url}${PATH}`, ...CREDENTIALS };
  const stage = await setStage({ completionMs: COMPLETION_MS, callback } satisfies AtlasHabits);
  try {
    const [pid = 0] = await stage.start('atlas-batch with its server', {
      ...FAR_POLLS,
      PORT: String(port),
      CALLBACK_CLIENT_ID: CREDENTIALS.clientId,
      CALLBACK_CLIENT_SECRET: CREDENTIALS.clientSecret,
    });
    await until(() =>
      fetch(`${url}/health/ready`).then(
        ({ ok }) => ok,
        () => false,
      ),
    );
    const lagsMs = await lags(stage);
    await storm(url, WARM_UP);
    const before = residentMib(pid);
    await storm(url, STORM);
    return { lagsMs, residentMib: [before, residentMib(pid)] };
  } finally {
    await stage.stop();
  }
}

async function lags(stage: Stage): Promise<number[]> {
  await stage.enqueue(0, CALLED);
  await stage.completed(CALLED);
  const events = await stage.completions.getJobs();
  return events.map(({ data }: { data: BatchSummary }) => {
    if (data.polls !== 1) throw new Error(`${data.reference} was polled ${data.polls} times`);
    const calledAt = Date.parse(data.submittedAt ?? '') + COMPLETION_MS;
    return Date.parse(data.completedAt) - calledAt;
  });
}

/** Callbacks with a forged token. Throws when one is not refused. */
async function storm(url: string, count: number): Promise<void> {
  const pool = new Pool(url, { connections: CONNECTIONS, pipelining: 1 });
  let sent = 0;
  const send = async () => {
    while (sent < count) {
      sent += 1;
      const { statusCode, body } = await pool.request({
        method: 'POST',
        path: PATH,
        headers: { token: `forged-${sent}`, 'content-type': 'application/json' },
        body: `{"data":[{"document_id":"b${sent % CALLED}/001"}]}`,
      });
      await body.dump();
      if (!REFUSALS.includes(statusCode)) throw new Error(`a forged callback got ${statusCode}`);
    }
  };
  await Promise.all(Array.from({ length: CONNECTIONS }, send));
  await pool.close();
}
