import { expect, it } from 'vitest';
import type { ReasonCode } from '../../src/errors.js';
import type { AtlasFaultRule } from '../../src/simulator/index.js';
import { batchesEnded } from '../helpers/batches-ended.js';
import { startHostileAtlas } from '../helpers/hostile-atlas.js';
import { expectAllEndedOnce } from '../helpers/invariants.js';
import { LONG } from '../helpers/long-form.js';
import { type System, type SystemOptions, startSystem } from '../helpers/system.js';

/** Fifty huge responses at once take a slow machine a minute, and must not time out for that. */
const TIMEOUT_MS = 150_000;
/** Until it, each poll is repeated, which only takes time. */
const DEADLINE = { BATCH_DEADLINE_MS: LONG ? '5000' : '1500', ATLAS_TIMEOUT_MS: '90000' };
/** What a worker may hold of responses: one without bounds dies of it. `bench` measures the rest. */
const HEAP = { NODE_OPTIONS: '--max-old-space-size=256' };
/** Polled at once: what each of them holds in memory comes at the same time, and more than fits. */
const BATCHES = LONG ? 50 : 12;

async function expectEnds(
  system: System,
  { batches, code, says }: { batches: number; code: ReasonCode; says: string },
): Promise<void> {
  const requests = await Promise.all(
    Array.from({ length: batches }, (_, i) => system.submit(`bound-${i}`, 1, `bound-${i}-`)),
  );
  await batchesEnded(system, batches, TIMEOUT_MS);
  for (const { reference } of requests) {
    const { data } = await system.event(`done-${reference}`);
    expect(data).toMatchObject({
      status: 'failed',
      reason: { code, message: expect.stringContaining(says) },
      results: [],
    });
  }
  await expectAllEndedOnce(system, requests);
}

const FAULTS: { rule: AtlasFaultRule; says: string; options?: SystemOptions }[] = [
  { rule: { endpoint: 'extracts', fault: 'huge-body' }, says: 'a response that is too large' },
  { rule: { fault: 'foreign-ids', count: 10_000 }, says: 'more than 1000 extracts of documents' },
  {
    rule: { fault: 'foreign-ids', count: 10_000 },
    says: 'more than 1000 extracts of documents',
    options: { atlas: { maxPerPage: 10_000 }, environment: { ATLAS_EXTRACTS_PER_PAGE: '10000' } },
  },
];

it.each(FAULTS)(
  'a worker takes an Atlas of which $says for a transient error, within its heap',
  { timeout: TIMEOUT_MS + 30_000 },
  async ({ rule, says, options }) => {
    const system = await startSystem({
      atlas: { fetchUrls: false, ...options?.atlas },
      environment: { ...DEADLINE, ...options?.environment },
    });
    system.atlas.setFaults({ rules: [rule] });
    const worker = await system.startWorkerProcess(HEAP);
    await expectEnds(system, { batches: BATCHES, code: 'ATLAS_PROTOCOL', says });
    expect(worker.hasExited, worker.output()).toBe(false);
  },
);

it('a worker takes a list that brings something new for ever for a transient error, within its heap', {
  timeout: TIMEOUT_MS + 30_000,
}, async () => {
  const system = await startSystem({ environment: DEADLINE });
  let number = 0;
  const url = await startHostileAtlas((documentId, page) => ({
    data: Array.from({ length: 50 }, () => {
      number += 1;
      return { document_id: documentId, file_data: { number, text: 'x'.repeat(4000) } };
    }),
    page,
    has_next: true,
  }));
  const worker = await system.startWorkerProcess({ ...HEAP, ATLAS_BASE_URL: url });
  await expectEnds(system, { batches: BATCHES, code: 'ATLAS_PROTOCOL', says: 'does not end' });
  expect(worker.hasExited, worker.output()).toBe(false);
});
