/**
 * Atlas and S3 with no think time, in a process of their own. Tells its parent where they listen,
 * and answers every message with what they were asked so far.
 */
import {
  type AtlasRequestView,
  startAtlasSimulator,
  startS3Simulator,
} from '../../src/simulator/index.js';
import type { AtlasHabits } from './stage.js';
import { CREDENTIALS, DOCUMENTS_BUCKET, documentKey, MAX_DOCUMENTS } from './work.js';

const {
  faults = [],
  negativePolls = 0,
  storeMs = 0,
  faultsOf,
  ...options
}: AtlasHabits = JSON.parse(process.env.BENCH_ATLAS ?? '{}');
const atlas = await startAtlasSimulator({
  fetchUrls: false,
  completionMs: 0,
  extractsPerDocument: () => 1,
  ...options,
});
const isMeant = new Map<string, boolean>();
/** Whether a request is made for a batch that the faults are for. */
function match({ batchId = '', documentIds }: AtlasRequestView): boolean {
  if (documentIds) return documentIds[0]?.startsWith(faultsOf ?? '') === true;
  if (!isMeant.has(batchId)) {
    const documents = atlas.truth(batchId);
    isMeant.set(batchId, documents[0]?.documentId.startsWith(faultsOf ?? '') === true);
  }
  return isMeant.get(batchId) === true;
}
const pollsSoFar = new Map<string, number>();
/** Whether it is one of the first polls of its batch. */
function isEarly({ batchId = '' }: AtlasRequestView): boolean {
  const before = pollsSoFar.get(batchId) ?? 0;
  pollsSoFar.set(batchId, before + 1);
  return before < negativePolls;
}
atlas.setFaults({
  rules: [
    ...(faultsOf ? faults.map((rule) => ({ ...rule, match })) : faults),
    ...(negativePolls > 0
      ? [{ endpoint: 'extracts', fault: 'null-data', match: isEarly } as const]
      : []),
  ],
});
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
