/**
 * Measures the most memory that a worker has while as many batches as are polled at once get
 * responses that are huge or lists that do not end, and every batch has to end for that reason; and
 * while they get lists that are large and S3 is slow, and every batch has to complete.
 */
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import type { BatchSummary } from '../../../src/jobs/summary.js';
import { peakMib } from '../process-usage.js';
import { type AtlasHabits, setStage } from '../stage.js';
import { until } from '../until.js';

const BATCHES = 50;
/** Whatever is read of them is stored. */
const REASONS = ['ATLAS_PROTOCOL', 'INCOMPLETE'];
/** A worker without bounds dies of this heap. What lies outside of it is in the figure too. */
const ENVIRONMENT = {
  NODE_OPTIONS: '--max-old-space-size=256',
  BATCH_DEADLINE_MS: '5000',
  // Fifty huge responses at once take a slow machine a minute.
  ATLAS_TIMEOUT_MS: '90000',
};
/** Five extracts: 12 MiB a list, and 600 MiB for fifty. */
const LARGE_EXTRACT_BYTES = 2_500_000;
const SLOW_STORE_MS = 2_000;
const PER_PAGE = 10_000;
const FOREIGN_IDS = [{ fault: 'foreign-ids', count: PER_PAGE }] as const;

interface Flood {
  habits: AtlasHabits;
  environment?: Record<string, string>;
}
const FLOODS: Flood[] = [
  { habits: { faults: [{ endpoint: 'extracts', fault: 'huge-body' }] } },
  { habits: { faults: [{ fault: 'endless' }] } },
  { habits: { faults: [...FOREIGN_IDS] } },
  {
    habits: { faults: [...FOREIGN_IDS], maxPerPage: PER_PAGE },
    environment: { ATLAS_EXTRACTS_PER_PAGE: String(PER_PAGE) },
  },
];

/** @returns MiB, one figure for each kind of response */
export async function measureHugeResponses(): Promise<number[]> {
  const peaks: number[] = [];
  for (const flood of FLOODS) peaks.push(await peakOf(flood));
  const { url, close } = await startEndlessAtlas();
  peaks.push(await peakOf({ habits: {}, environment: { ATLAS_BASE_URL: url } }));
  close();
  return peaks;
}

/** @returns MiB */
export async function measureLargeLists(): Promise<number> {
  const faults = [{ fault: 'huge-extracts', bytes: LARGE_EXTRACT_BYTES } as const];
  const stage = await setStage({ faults, storeMs: SLOW_STORE_MS });
  try {
    const environment = { ...ENVIRONMENT, BATCH_DEADLINE_MS: '300000' };
    const [pid = 0] = await stage.start('atlas-batch', environment);
    await stage.enqueue(0, BATCHES);
    await stage.completed(BATCHES);
    return peakMib(pid);
  } finally {
    await stage.stop();
  }
}

async function peakOf({ habits, environment }: Flood): Promise<number> {
  const stage = await setStage(habits);
  try {
    const [pid = 0] = await stage.start('atlas-batch', { ...ENVIRONMENT, ...environment });
    await stage.enqueue(0, BATCHES);
    await until(async () => (await stage.completions.count()) >= BATCHES);
    const events = await stage.completions.getJobs();
    for (const { data } of events as { data: BatchSummary }[]) {
      if (!REASONS.includes(data.reason?.code ?? '')) {
        throw new Error(`${data.reference} ended with ${data.reason?.code ?? data.status}`);
      }
    }
    return peakMib(pid);
  } finally {
    await stage.stop();
  }
}

/** An Atlas whose lists bring something new on every page, for ever. */
async function startEndlessAtlas(): Promise<{ url: string; close(): void }> {
  let number = 0;
  const server = createServer(async (request, response) => {
    const { pathname, searchParams } = new URL(request.url ?? '', 'http://x');
    await text(request);
    const reply = () => {
      if (pathname.endsWith('/authtoken')) return { access_token: 'token' };
      number += 1;
      if (pathname.endsWith('/multiupload')) return { batch_id: `B-${number}` };
      return {
        data: Array.from({ length: 50 }, (_, i) => ({
          document_id: '000',
          file_data: { number: number * 50 + i, text: 'x'.repeat(4000) },
        })),
        page: Number(searchParams.get('page')),
        has_next: true,
      };
    };
    response.setHeader('content-type', 'application/json').end(JSON.stringify(reply()));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    close: () => {
      server.closeAllConnections();
      server.close();
    },
  };
}
