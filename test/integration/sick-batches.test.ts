/** Batches that Atlas answers well are not held up by others that it does not answer. */
import { expect, it } from 'vitest';
import type { AtlasFaultRule, AtlasRequestView } from '../../src/simulator/index.js';
import { batchesEnded } from '../helpers/batches-ended.js';
import { type System, startSystem, startTestS3 } from '../helpers/system.js';

const SICK = 20;
const HEALTHY = 15;
const TIMEOUT_MS = 90_000;
const TEST_TIMEOUT_MS = 120_000;

const FAULTS: AtlasFaultRule[] = [
  { fault: 500, endpoint: 'extracts' },
  { fault: 'hang', endpoint: 'extracts' },
  { fault: 403, endpoint: 'extracts' },
  { fault: 503, endpoint: 'multiupload' },
];

it.each(FAULTS)(
  'no healthy batch is held up by twenty that meet the fault %j',
  { timeout: TEST_TIMEOUT_MS },
  async (rule) => {
    const system = await startSystem({
      s3: await startTestS3(),
      atlas: {
        completionMs: 0,
        extractsPerDocument: () => 1,
        fetchUrls: false,
        onlyNewestToken: true,
      },
      environment: { ATLAS_TIMEOUT_MS: '1000', BATCH_DEADLINE_MS: '3600000' },
    });
    const seen = new Map<string, number>();
    const { endpoint, ...fault } = rule;
    const match = (view: AtlasRequestView) =>
      isSick(system, view, seen) && view.endpoint === endpoint;
    system.atlas.setFaults({ rules: [{ ...fault, match }] });
    await system.startWorker();
    const passes = async (name: string) => {
      await system.submit(name, 1, `${name}-`);
      return (await system.event(`done-${name}`, TIMEOUT_MS)).data;
    };
    await passes('healthy-first');
    const sick = Array.from({ length: SICK }, (_, i) => `sick-${i}`);
    await Promise.all(sick.map((name) => system.submit(name, 1, `${name}-`)));
    // Until the worker has met each of them, and others between.
    for (let i = 0; sick.some((name) => (seen.get(name) ?? 0) < 3); i += 1)
      await passes(`early-${i}`);
    await passes('healthy-last');
    const tokens = system.atlas.requests.count('authtoken');

    for (let i = 0; i < HEALTHY; i += 1) {
      const name = `healthy-${i}`;
      expect(await passes(name)).toMatchObject({ status: 'completed', polls: 1 });
      const { logs } = await system.batches.getJobLogs(`batch-${name}`);
      expect(logs.filter((line) => line.includes(', again in '))).toEqual([]);
      expect(seen.get(name), `requests for ${name}`).toBe(2);
    }
    expect(system.atlas.requests.count('authtoken')).toBe(tokens);

    system.atlas.clearFaults();
    await batchesEnded(system, seen.size, TIMEOUT_MS);
  },
);

/** Whether a request is made for a sick batch. Those for others are counted. */
function isSick(
  { atlas }: System,
  { batchId, documentIds }: AtlasRequestView,
  seen: Map<string, number>,
): boolean {
  const [id] =
    documentIds ?? atlas.uploads().find((one) => one.batchId === batchId)?.documentIds ?? [];
  const name = id?.slice(0, id.lastIndexOf('-')) ?? '';
  if (name !== '') seen.set(name, (seen.get(name) ?? 0) + 1);
  return name.startsWith('sick');
}
