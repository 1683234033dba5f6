import { expect, it } from 'vitest';
import { readResults } from '../helpers/invariants.js';
import { startSystem } from '../helpers/system.js';
import { waitUntil } from '../helpers/wait-until.js';

/** The first worker polls for the last time here, and finds one document of two. */
const DEADLINE_MS = 2000;
/** The other one is there before the second worker can have the job: a lock lives 8 s. */
const SECOND_DOCUMENT_MS = 6000;

it('a result of a worker that froze while it stored does not replace the richer one of its successor', {
  timeout: 90_000,
}, async () => {
  const system = await startSystem({
    atlas: { completionMs: ({ index }) => (index === 0 ? 0 : SECOND_DOCUMENT_MS) },
    environment: { BATCH_DEADLINE_MS: String(DEADLINE_MS), RESUBMIT_MISSING: '0' },
  });
  let arrive = () => {};
  const until = new Promise<void>((resolve) => {
    arrive = resolve;
  });
  system.s3.setFaults({ rules: [{ endpoint: 'put', fault: 'late', times: 1, until }] });
  const frozen = await system.startWorkerProcess();
  await system.submit('frozen', 2);
  await waitUntil('the first result', () => system.s3.faultsFired().late === 1);
  frozen.signal('SIGSTOP');

  const successor = await system.startWorkerProcess();
  const { data } = await system.event('done-frozen');
  expect(data.status).toBe('completed');
  const [uri = ''] = data.results;
  expect(readResults(system, uri).documents).toHaveLength(2);

  // What the first one sent arrives now.
  arrive();
  await waitUntil('a late upload', () => system.s3.requests.count('put') === 2);
  expect(readResults(system, uri).documents).toHaveLength(2);
  frozen.signal('SIGCONT');
  for (const worker of [frozen, successor]) {
    worker.signal('SIGTERM');
    expect(await worker.exited).toBe(0);
    expect(worker.output()).not.toMatch(/unforeseen/);
  }
  expect(readResults(system, uri).documents).toHaveLength(2);
});
