import { expect, it } from 'vitest';
import { readResults } from '../helpers/invariants.js';
import { startSystem } from '../helpers/system.js';

const PAGES = { ATLAS_MAX_DOCUMENTS_PER_UPLOAD: '100', ATLAS_EXTRACTS_PER_PAGE: '10' };

it('a large batch is read hardly more than once, however often it is polled', async () => {
  const system = await startSystem({
    atlas: {
      completionMs: ({ random }) => 200 + 3000 * random(),
      extractsPerDocument: () => 1,
    },
    environment: PAGES,
  });
  await system.startWorker();
  await system.submit('large', 2000);
  const { data } = await system.event('done-large', 60_000);
  expect(data).toMatchObject({ status: 'completed', documents: { present: 2000 } });
  expect(data.polls).toBeGreaterThan(2 * data.batchIds.length);
  const extracts = data.batchIds
    .flatMap((batchId) => system.atlas.truth(batchId))
    .flatMap((document) => document.extracts)
    .reduce((sum, raw) => sum + Buffer.byteLength(raw), 0);
  expect(system.atlas.bytesSent('extracts')).toBeLessThan(1.5 * extracts);
});

it('polls come to the same results where Atlas announces no total', async () => {
  const system = await startSystem({ atlas: { totalItems: false }, environment: PAGES });
  await system.startWorker();
  await system.submit('untold', 130);
  const { data } = await system.event('done-untold');
  expect(data).toMatchObject({ status: 'completed', documents: { present: 130, missing: [] } });
  const stored = data.results.flatMap((uri) => readResults(system, uri).documents);
  expect(stored).toHaveLength(130);
});
