/**
 * Atlas and S3 with no think time, in a process of their own. Tells its parent where they listen,
 * and answers every message with what they were asked so far.
 */
import { startAtlasSimulator, startS3Simulator } from '../../src/simulator/index.js';
import type { AtlasHabits } from './stage.js';
import { CREDENTIALS, DOCUMENTS_BUCKET, documentKey, MAX_DOCUMENTS } from './work.js';

const {
  faults = [],
  storeMs = 0,
  ...options
}: AtlasHabits = JSON.parse(process.env.BENCH_ATLAS ?? '{}');
const atlas = await startAtlasSimulator({
  fetchUrls: false,
  completionMs: 0,
  extractsPerDocument: () => 1,
  ...options,
});
atlas.setFaults({ rules: faults });
const s3 = await startS3Simulator({ ...CREDENTIALS, verifySignatures: false });
if (storeMs > 0) {
  s3.setFaults({ rules: [{ endpoint: 'put', fault: 'slow', delayMs: storeMs }] });
}
for (let i = 0; i < MAX_DOCUMENTS; i += 1) s3.put(DOCUMENTS_BUCKET, documentKey(i), 'a scan');

process.on('message', () => {
  process.send?.({
    uploads: atlas.requests.count('multiupload', 200),
    polls: atlas.requests.count('extracts', 200),
    checks: s3.requests.count('head', 200),
    results: s3.requests.count('put', 200),
  });
});
process.on('disconnect', () => process.exit());
process.send?.({
  atlasUrl: atlas.url,
  clientId: atlas.clientId,
  clientSecret: atlas.clientSecret,
  s3Url: s3.url,
});
