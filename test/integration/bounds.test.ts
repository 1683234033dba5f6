import { expect, it } from 'vitest';
import type { ReasonCode } from '../../src/errors.js';
import type { AtlasFaultRule } from '../../src/simulator/index.js';
import { batchesEnded } from '../helpers/batches-ended.js';
import { startHostileAtlas } from '../helpers/hostile-atlas.js';
import { expectAllEndedOnce } from '../helpers/invariants.js';
import { LONG } from '../helpers/long-form.js';
import { type System, type SystemOptions, startSystem } from '../helpers/system.js';

/** Fifty huge responses at once take a slow or busy machine minutes, and must not time out for that. */
const TIMEOUT_MS = LONG ? 600_000 : 300_000;
const PATIENT = { ATLAS_TIMEOUT_MS: '90000' };
/** Of what cannot complete: until it each poll is repeated, which only takes time. */
const DEADLINE = { ...PATIENT, BATCH_DEADLINE_MS: LONG ? '5000' : '1500' };
/** What a worker may hold of responses: one without bounds dies of it. `bench` measures the rest. */
const HEAP = { NODE_OPTIONS: `--max-old-space-size=${LONG ? 256 : 128}` };
/** Polled at once: what each of them holds in memory comes at the same time, and more than fits. */
const BATCHES = LONG ? 50 : 2;

/** What every batch ends as. */
type End =
  | { status: 'completed' }
  | { status: 'failed'; code: ReasonCode; says: string; present?: number };

async function expectEnds(system: System, end: End): Promise<void> {
  const batches = BATCHES;
  const requests = await Promise.all(
    Array.from({ length: batches }, (_, i) => system.submit(`bound-${i}`, 1, `bound-${i}-`)),
  );
  await batchesEnded(system, batches, TIMEOUT_MS);
  for (const { reference } of requests) {
    const { data } = await system.event(`done-${reference}`);
    expect(data.status).toBe(end.status);
    if (end.status === 'completed') continue;
    expect(data.reason?.code).toBe(end.code);
    expect(data.reason?.message).toContain(end.says);
    const { present = 0 } = end;
    expect(data).toMatchObject({
      documents: { present },
      results: Array(present).fill(expect.anything()),
    });
  }
  await expectAllEndedOnce(system, requests);
}

const TOO_LARGE: End = {
  status: 'failed',
  code: 'ATLAS_PROTOCOL',
  says: 'a response that is too large',
};
const FAULTS: { name: string; rule: AtlasFaultRule; end: End; options?: SystemOptions }[] = [
  {
    name: 'responses that are too large',
    rule: { endpoint: 'extracts', fault: 'huge-body' },
    end: TOO_LARGE,
  },
  {
    name: 'ten thousand extracts that nobody asked for, on many pages',
    rule: { fault: 'foreign-ids', count: 10_000 },
    end: { status: 'completed' },
  },
  {
    name: 'ten thousand extracts that nobody asked for, on one page',
    rule: { fault: 'foreign-ids', count: 10_000 },
    end: { status: 'completed' },
    options: { atlas: { maxPerPage: 10_000 }, environment: { ATLAS_EXTRACTS_PER_PAGE: '10000' } },
  },
];

it.each(FAULTS)(
  'a worker survives $name, within its heap',
  { timeout: TIMEOUT_MS + 30_000 },
  async ({ rule, end, options }) => {
    const system = await startSystem({
      atlas: { fetchUrls: false, ...options?.atlas },
      environment: {
        ...(end.status === 'completed' ? PATIENT : DEADLINE),
        ...options?.environment,
      },
    });
    system.atlas.setFaults({ rules: [rule] });
    const worker = await system.startWorkerProcess(HEAP);
    await expectEnds(system, end);
    expect(worker.hasExited, worker.output()).toBe(false);
  },
);

it('a worker stores what it can hold of a list that brings something new for ever, within its heap', {
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
  await expectEnds(system, {
    ...{ status: 'failed', code: 'ATLAS_PROTOCOL', says: 'larger than a worker may hold' },
    present: 1,
  });
  expect(worker.hasExited, worker.output()).toBe(false);
});

it('a worker stores two extracts of a document of which one is millions of short texts', {
  timeout: TIMEOUT_MS + 30_000,
}, async () => {
  const lines = Array.from({ length: LONG ? 4_000_000 : 1_500_000 }, () => '\n');
  const url = await startHostileAtlas((documentId) => ({
    data: [{ text: 'one' }, { lines }].map((file_data) => ({ document_id: documentId, file_data })),
    total_items: 2,
    has_next: false,
  }));
  const system = await startSystem();
  const worker = await system.startWorkerProcess({
    ...PATIENT,
    ...HEAP,
    ATLAS_BASE_URL: url,
  });
  await system.submit('texts', 1);
  const { data } = await system.event('done-texts', TIMEOUT_MS);
  expect(data.status).toBe('completed');
  expect(worker.hasExited).toBe(false);
});
