/**
 * All habits of Atlas at once. What Atlas has of a batch in the end, and which faults its uploads have
 * met, decide which outcome is right.
 */
import { expect, it } from 'vitest';
import { fromRanges } from '../../src/jobs/index-ranges.js';
import type { BatchRequest } from '../../src/jobs/request/request.js';
import type { BatchSummary } from '../../src/jobs/summary.js';
import {
  type AtlasFaultRule,
  type AtlasRequestView,
  mixedAtlasFaults,
} from '../../src/simulator/index.js';
import { randomFrom } from '../../src/simulator/random.js';
import { clientOf } from '../client/test-client.js';
import { batchesEnded } from '../helpers/batches-ended.js';
import {
  expectAllEndedOnce,
  expectNoStrayKeys,
  readResults,
  stateOf,
} from '../helpers/invariants.js';
import { LONG, SEEDS } from '../helpers/long-form.js';
import { type System, startSystem } from '../helpers/system.js';
import { waitUntil } from '../helpers/wait-until.js';
import type { WorkerProcess } from '../helpers/worker-process.js';

const BATCHES = LONG ? 200 : 40;
const RATE = 0.3;
/** What can end has ended by then. */
const TIMEOUT_MS = LONG ? 600_000 : 150_000;
/** One document in so many never comes. */
const NEVER_EVERY = 40;
const isNever = (documentId: string) => documentId.endsWith('-never');

/** Atlas may have taken the upload, and says so by no id. */
const ANSWERED = new Set<AtlasFaultRule['fault']>([
  'html-200',
  'truncated-json',
  'huge-body',
  'no-batch-id',
]);
/** Atlas may have taken the upload, and says nothing. */
const SILENT = new Set<AtlasFaultRule['fault']>([
  ...([500, 502, 504] as const),
  ...(['hang', 'hang-after', 'reset-before', 'reset-after', 'cut-body'] as const),
]);
/** A clear no, unless a gateway says it. */
const REFUSED = new Set<AtlasFaultRule['fault']>([400, 404, 409, 413, 422, 'conflict']);

/** Faults of uploads, by the document. */
class Evidence {
  private readonly met = new Map<string, AtlasFaultRule[]>();

  /** Faults of polls, by the Atlas batch, as they came. */
  private readonly polls = new Map<string, string[]>();

  readonly note = (rule: AtlasFaultRule, view: AtlasRequestView) => {
    const { endpoint, batchId, documentIds = [] } = view;
    if (batchId !== undefined)
      this.polls.set(batchId, [...(this.polls.get(batchId) ?? []), String(rule.fault)]);
    if (endpoint !== 'multiupload') return;
    for (const id of documentIds) this.met.set(id, [...(this.met.get(id) ?? []), rule]);
  };

  count(documentId: string, faults: ReadonlySet<AtlasFaultRule['fault']>): number {
    return this.of(documentId).filter(({ fault }) => faults.has(fault)).length;
  }

  of(documentId: string): readonly AtlasFaultRule[] {
    return this.met.get(documentId) ?? [];
  }

  isRefused(documentId: string): boolean {
    return this.of(documentId).some(
      ({ fault, body }) => REFUSED.has(fault) && (body !== 'html' || fault === 413),
    );
  }

  /** @param isLate The deadline came before what was unknown was sent again. */
  isAmbiguous(documentId: string, isLate: boolean): boolean {
    const answered = this.count(documentId, ANSWERED);
    const unknown = this.count(documentId, SILENT) + answered;
    if (isLate && unknown > 0) return true;
    const conflict = this.count(documentId, new Set(['conflict', 409]));
    return unknown > 2 || (answered > 0 && unknown > 1) || (unknown > 0 && conflict > 0);
  }

  /** Where the page after it was an error, the list has ended: everything that was announced had come. */
  mayEndEarly(batchIds: readonly string[]): boolean {
    return batchIds.some((id) => this.polls.get(id)?.includes('total-too-low'));
  }

  pollsOf(batchIds: readonly string[]): string {
    return batchIds.map((id) => `${id}: ${this.polls.get(id)?.join(', ') ?? 'none'}`).join('; ');
  }

  /** Atlas gave it the id of another upload. */
  hasForeignId(documentId: string): boolean {
    return this.count(documentId, new Set(['same-batch-id'])) > 0;
  }
}

it.each(Array.from({ length: SEEDS }, (_, index) => index + 1))(
  'whatever mix of its habits Atlas shows, every batch ends once and rightly (seed %i)',
  { timeout: 2 * TIMEOUT_MS },
  async (seed) => {
    const system = await startSystem({
      atlas: {
        seed,
        completionMs: ({ random }) => 200 + 1000 * random(),
        neverArrives: isNever,
        fetchUrls: false,
      },
      environment: {
        ATLAS_TIMEOUT_MS: '4000',
        ATLAS_MAX_DOCUMENTS_PER_UPLOAD: '4',
        ATLAS_EXTRACTS_PER_PAGE: '3',
        POLL_MAX_MS: '1000',
        BATCH_DEADLINE_MS: '3600000',
        SUBMIT_CONCURRENCY: '20',
      },
    });
    const evidence = new Evidence();
    system.atlas.setFaults({ ...mixedAtlasFaults({ rate: RATE, seed }), onFault: evidence.note });
    const requests = await submitMany(system, seed);
    const worker = await system.startWorkerProcess();
    const runningNow = async () => {
      const events = await system.completions.getJobs(['wait']);
      const ended = new Set(events.map(({ id }) => id));
      return requests.filter(({ reference }) => !ended.has(`done-${reference}`));
    };
    await waitUntil(
      'the end of all batches whose documents come',
      async () =>
        (await runningNow()).every(({ documents }) =>
          documents.some(({ documentId: id }) => isNever(id) || evidence.hasForeignId(id)),
        ),
      TIMEOUT_MS,
    ).catch((error) => describeStuck(system, error));
    expect(Object.keys(system.atlas.faultsFired()).length).toBeGreaterThan(30);

    // What is left waits for documents that never come: now their deadline is here. Whatever else will
    // come of them is at Atlas by then, or it would be missing too.
    system.atlas.clearFaults();
    const client = clientOf(system);
    await waitUntil(
      'all uploads at Atlas',
      async () => {
        const running = await runningNow();
        const statuses = await Promise.all(running.map((one) => client.status(one.reference)));
        return statuses.every(({ uploads }) => {
          const states = uploads.map(({ state }) => state);
          // Where one was refused nothing more is sent.
          const mayWait = states.includes('refused');
          return !states.includes('sending') && (mayWait || !states.includes('planned'));
        });
      },
      TIMEOUT_MS,
    );
    system.atlas.completeNow();
    worker.signal('SIGTERM');
    await worker.exited;
    const last = await system.startWorkerProcess({ BATCH_DEADLINE_MS: '1000' });
    await batchesEnded(system, requests.length, TIMEOUT_MS);

    await expectAllEndedOnce(system, requests);
    for (const request of requests) await expectRightEnd(system, request, evidence);
    expectRepeated(system, requests, [worker, last]);
    last.signal('SIGTERM');
    await last.exited;
    await expectNoStrayKeys(system);
  },
);

async function describeStuck(system: System, error: unknown): Promise<never> {
  const done = await system.batches.getJobCounts('completed', 'failed');
  await batchesEnded(system, -1, 0).catch((stuck) => {
    throw new Error(`${JSON.stringify(done)}\n${stuck.message}`, { cause: error });
  });
  throw error;
}

async function submitMany(system: System, seed: number): Promise<BatchRequest[]> {
  const random = randomFrom(seed);
  return Promise.all(
    Array.from({ length: BATCHES }, async (_, index) => {
      const name = `mixed-${index}`;
      const request = await system.request(name, 1 + Math.floor(random() * 9), `${index}-`);
      for (const document of request.documents) {
        if (random() < 1 / NEVER_EVERY) document.documentId += '-never';
      }
      await system.add(request);
      return request;
    }),
  );
}

type Extracts = Map<string, Record<string, unknown>[]>;

/** What the Atlas batches of a batch have of its documents. */
function heldByAtlas({ atlas }: System, { batchIds }: BatchSummary): Extracts {
  const held: Extracts = new Map();
  for (const { documentId, extracts } of batchIds.flatMap((id) => atlas.truth(id))) {
    if (extracts.length > 0)
      held.set(
        documentId,
        extracts.map((raw) => JSON.parse(raw)),
      );
  }
  return held;
}

async function expectRightEnd(
  system: System,
  { reference, documents }: BatchRequest,
  evidence: Evidence,
): Promise<void> {
  const { data } = await system.event(`done-${reference}`);
  const ids = documents.map(({ documentId }) => documentId);
  const held = heldByAtlas(system, data);
  const why = `${reference}: ${data.reason?.code} ${data.reason?.message}`;
  expectStored(system, data, held, evidence);
  switch (data.reason?.code) {
    case undefined:
      expect([...held.keys()], why).toEqual(expect.arrayContaining(ids));
      expect(data.documents).toMatchObject({ total: ids.length, present: ids.length, missing: [] });
      return;
    case 'INCOMPLETE': {
      // Atlas may have what it gave a foreign id: from an upload before, whose response was lost. Where the id was
      // that of another upload of the batch, and came first, only a further round would bring what it holds.
      const shared = await documentsOfSharedIds(system, reference, ids);
      const isUnknown = (id: string) => evidence.hasForeignId(id) || shared.has(id);
      const missing = data.documents.missing.filter((id) => !isUnknown(id));
      expect(missing, why).toEqual(ids.filter((id) => !held.has(id) && !isUnknown(id)));
      expect(missing.filter((id) => !isNever(id))).toEqual([]);
      return;
    }
    case 'AMBIGUOUS_SUBMISSION':
      expect(
        ids.some((id) => evidence.isAmbiguous(id, why.includes('not submitted within'))),
        why,
      ).toBe(true);
      return;
    case 'ATLAS_REJECTED':
      expect(
        ids.some((id) => evidence.isRefused(id)),
        why,
      ).toBe(true);
      return;
    case 'ATLAS_AUTH':
    case 'ATLAS_UNAVAILABLE':
    case 'ATLAS_PROTOCOL': {
      if (data.reason.message.includes('belongs to another batch')) {
        expect(system.atlas.faultsFired()['same-batch-id'], why).toBeGreaterThan(0);
        return;
      }
      // The deadline came while something waited to be sent: Atlas has nothing of that.
      const { missing } = data.documents;
      const late = missing.filter((id) => !isNever(id) && !evidence.hasForeignId(id));
      const taken = new Set([...system.atlas.batches()].flatMap((one) => one.documentIds));
      expect(
        late.filter((id) => taken.has(id)),
        why,
      ).toEqual([]);
      expect(
        missing.some((id) => !taken.has(id)),
        why,
      ).toBe(true);
      return;
    }
    default:
      expect.fail(why);
  }
}

/** Documents of uploads that Atlas gave the same id. */
async function documentsOfSharedIds(
  system: System,
  reference: string,
  ids: readonly string[],
): Promise<Set<string | undefined>> {
  const { uploads } = await stateOf(system, reference);
  const sent = uploads.flatMap((upload) => {
    const atlasBatchId = 'atlasBatchId' in upload ? upload.atlasBatchId : null;
    return atlasBatchId === null ? [] : [{ ...upload, atlasBatchId }];
  });
  const shared = sent.filter(
    (one) => sent.filter(({ atlasBatchId }) => atlasBatchId === one.atlasBatchId).length > 1,
  );
  return new Set(
    shared.flatMap(({ documentIndexes }) => fromRanges(documentIndexes).map((i) => ids[i])),
  );
}

/** Whatever is stored is an extract that Atlas has, in its order; what is not stored was unreadable. */
function expectStored(
  system: System,
  { reference, reason, results, batchIds }: BatchSummary,
  held: Extracts,
  evidence: Evidence,
): void {
  for (const uri of results) {
    const stored = readResults(system, uri) as ReturnType<typeof readResults> & {
      unreadable: { documentId: string | null }[];
    };
    for (const { documentId, extracts } of stored.documents) {
      const truth = (held.get(documentId) ?? []).map((one) => JSON.stringify(one));
      const why = `${reference}/${documentId}, ${reason?.code ?? 'completed'}`;
      const texts = extracts.map((extract) => {
        // What the faults add.
        const { quality: _, scan: __, ...plain } = extract as Record<string, unknown>;
        return JSON.stringify(plain);
      });
      // One that two pages show, of which a fault changed one, is two extracts to whoever reads them.
      const shown = texts.filter((text, i) => text !== texts[i - 1]);
      for (const text of shown) {
        const at = truth.indexOf(text);
        expect(at, `${why}: a stored extract that Atlas has not, or not there`).not.toBe(-1);
        truth.splice(0, at + 1);
      }
      const lost = (held.get(documentId)?.length ?? 0) - shown.length;
      if (!evidence.mayEndEarly(batchIds))
        expect(
          stored.unreadable.length,
          `${why}, ${lost} not stored; faults of the polls: ${evidence.pollsOf(batchIds)}`,
        ).toBeGreaterThanOrEqual(lost);
    }
  }
}

/** Documents were sent again only where a worker has said that it does not know what came of them. */
function expectRepeated(system: System, requests: BatchRequest[], workers: WorkerProcess[]): void {
  const allowed = new Map<string, number>();
  const lines = workers.flatMap((worker) => worker.output().split('\n'));
  for (const line of lines.filter((text) => text.includes('"result":"unknown"'))) {
    const { reference, documents } = JSON.parse(line) as Record<'reference' | 'documents', string>;
    const request = requests.find((one) => one.reference === reference);
    for (const index of fromRanges(documents)) {
      const id = request?.documents[index]?.documentId ?? '';
      allowed.set(id, (allowed.get(id) ?? 0) + 1);
    }
  }
  const taken = new Map<string, number>();
  for (const id of [...system.atlas.batches()].flatMap(({ documentIds }) => documentIds)) {
    taken.set(id, (taken.get(id) ?? 0) + 1);
  }
  const tooOften = [...taken].filter(([id, count]) => count - 1 > (allowed.get(id) ?? 0));
  expect(tooOften).toEqual([]);
}
