import { expect, it } from 'vitest';
import { readBatchStatus } from '../../src/batches/status/status.js';
import { readTimeline } from '../../src/batches/status/timeline.js';
import type { Upload } from '../../src/jobs/state/batch-state.js';
import { plant } from '../helpers/planted-batches.js';
import { openTestQueues } from '../helpers/test-queues.js';

const HOUR_MS = 3600_000;
const lineAt = (ms: number, text: string) => `${new Date(ms).toISOString()} ${text}`;

it('many polls do not push out who changed the batch', async () => {
  const { queues, redis } = openTestQueues();
  const uploads = Array.from(
    { length: 10 },
    (_, i): Upload => ({
      ...{ round: 1, documentIndexes: `${i}`, scoped: false, resubmissions: 0 },
      ...{
        atlasBatchId: `BATCH-${i}`,
        sentAt: 1,
        expectedPollRuns: 0,
        state: 'sent',
        result: null,
      },
    }),
  );
  await plant(queues, [{ reference: 'big', state: 'processing', uploads }]);
  const own = Array.from({ length: 180 }, (_, i) => lineAt(HOUR_MS + i, `own ${i}`));
  const ownLogs = `${queues.batches.toKey('batch-big')}:logs`;
  await redis.rpush(ownLogs, lineAt(HOUR_MS - 1, 'extend by asha (cli): extended'), ...own);
  for (const i of uploads.keys()) {
    const polls = Array.from({ length: 40 }, (_, n) => lineAt(2 * HOUR_MS + n, `poll ${n}`));
    await redis.rpush(`${queues.pollJobs.toKey(`poll-BATCH-${i}`)}:logs`, ...polls);
  }
  const { entries } = await readTimeline(queues, await readBatchStatus(queues, 'big'));
  expect(entries.at(-1)?.text).toContain('extend by asha');
  expect(entries.filter(({ atlasBatchId }) => atlasBatchId === null)).toHaveLength(181);
  const polls = entries.flatMap(({ atlasBatchId, text }) => (atlasBatchId === null ? [] : text));
  expect([polls.length, polls[0], polls.at(-1)]).toEqual([150, 'poll 39', 'poll 25']);
});
