/** One batch under faults of Atlas, from its adding to its end. */
import type { AtlasFaultRule } from '../../src/simulator/index.js';
import { readResults } from './invariants.js';
import { type System, type SystemOptions, startSystem } from './system.js';

export const ITEM = { document_id: '001', file_data: { document_type: 'PAN' } };
export const ALL_AT_ONCE = { completionMs: 0, extractsPerDocument: () => 1 };

interface Stored {
  documents: { documentId: string; extracts: Record<string, unknown>[] }[];
  missing: string[];
  unreadable: { documentId: string | null; reason: string }[];
}

export async function sendUnder(
  rules: AtlasFaultRule[],
  { documents = 5, ids, ...options }: SystemOptions & { documents?: number; ids?: string[] } = {},
): Promise<System> {
  const system = await startSystem({ ...options, atlas: { ...ALL_AT_ONCE, ...options.atlas } });
  system.atlas.setFaults({ rules });
  await system.startWorker();
  const request = await system.request('loan', ids?.length ?? documents);
  if (ids)
    for (const [i, document] of request.documents.entries()) document.documentId = ids[i] ?? '';
  await system.add(request);
  return system;
}

/** Lists of 50 MiB take long on a busy machine. */
const END_TIMEOUT_MS = 170_000;

export async function endOf(system: System) {
  const { data } = await system.event('done-loan', END_TIMEOUT_MS);
  const stored = data.results.map((uri) => readResults(system, uri) as unknown as Stored);
  return { data, stored, uploads: system.atlas.requests.count('multiupload') };
}

export const SOON = { environment: { BATCH_DEADLINE_MS: '2000', RESUBMIT_MISSING: '0' } };
