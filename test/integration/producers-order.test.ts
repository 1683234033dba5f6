/** What a producer's own BullMQ options do to the order of batches: nothing that lasts. */
import type { JobsOptions } from 'bullmq';
import { expect, it } from 'vitest';
import { runCommand } from '../cli/run-command.js';
import { batchesInFlight } from '../helpers/batches-in-flight.js';
import { type System, startSystem } from '../helpers/system.js';
import { waitUntil } from '../helpers/wait-until.js';

/** Jobs that wait at any time, while there are any to come: more than a worker takes in a moment. */
const WAITING = 200;
/** Of a flood that no batch has to wait out. */
const FLOOD = 6000;

/** Adds jobs that end at once, so that some always wait, until the batch has ended or the flood is over. */
async function flood({ batches, completions }: System, until: string, opts: JobsOptions) {
  let added = 0;
  while (added < FLOOD && !(await completions.getJob(`done-${until}`))) {
    if ((await batches.getWaitingCount()) > WAITING) continue;
    const jobs = Array.from({ length: WAITING }, (_, n) => ({
      name: 'batch',
      data: {},
      opts: { ...opts, jobId: `batch-flood-${added + n}` },
    }));
    added += jobs.length;
    await batches.addBulk(jobs);
  }
  return added;
}

it.each([
  ['with a BullMQ priority, among those without,', { priority: 5 }, {}],
  ['without lifo, among those with it,', {}, { lifo: true }],
])('a batch added %s is sent although others never cease to come', async (_how, own, others) => {
  const system = await startSystem();
  const request = await system.request('mine', 1);
  await system.batches.add('batch', request, { ...own, jobId: 'batch-mine' });
  const [added] = await Promise.all([flood(system, 'mine', others), system.startWorker()]);
  expect(added).toBeLessThan(FLOOD);
  expect((await system.event('done-mine')).data.status).toBe('completed');
});

it.each([
  ['with a fraction', Date.now() + 0.5],
  ['before 1970', -5],
])(
  'a batch in line whose producer gave it a timestamp %s is sent when there is room',
  async (_which, timestamp) => {
    const system = await startSystem({
      atlas: { completionMs: 3_600_000 },
      environment: { ATLAS_MAX_DOCUMENTS_IN_FLIGHT: '1' },
    });
    const { atlas, batches } = system;
    await system.startWorker();
    await system.submit('occupying', 1, 'occupying-');
    await batchesInFlight(system);
    const request = await system.request('odd', 1, 'odd-');
    await batches.add('batch', request, { jobId: 'batch-odd', timestamp });
    await waitUntil('a batch in line', async () => (await batches.getDelayedCount()) === 1);
    await runCommand(['cancel', 'occupying'], system.environment);
    await waitUntil('its upload', () => atlas.uploads().length === 2);
  },
);
