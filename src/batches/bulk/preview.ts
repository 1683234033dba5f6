/** Says what a bulk action will cost, before anything is done. */
import { checkOptions, checkSignal, checkType } from '../../check-options.js';
import { fromRanges } from '../../jobs/index-ranges.js';
import { atlasBatchIdOf, type BatchState, readState } from '../../jobs/state/batch-state.js';
import { missingDocuments } from '../../jobs/summary.js';
import { parseJson } from '../../json.js';
import type { ClientQueues } from '../client-queues.js';
import { hasEvent } from '../events/redeliver.js';
import { referencesGivenUp } from '../events/redeliver-events.js';
import { selectedReferences } from './selected-references.js';
import {
  type BulkAction,
  type BulkSelection,
  type CheckedSelection,
  checkSelection,
  jobKeyOf,
  selectionUntilNow,
} from './selection.js';

/** What a bulk action will cost. */
export interface BulkPreview {
  /** What is to be done. */
  action: BulkAction;
  /** Batches to which it will be done. */
  batches: number;
  /**
   * Batches that were asked for by reference, and are not in a state for it, or not known. Of a redeliver of what
   * was given up: batches that are no longer kept, so that nobody can say whether they fit.
   */
  leftOut: number;
  /** Atlas batches that a retry reads once more, or that a cancel polls no more. */
  atlasBatches: number;
  /** Documents that a retry sends at most, before those that stay missing are sent again; 0 for others. */
  documents: number;
  /**
   * Whether all were counted: not where time was over before, or where so many batches sleep that those among them
   * that no worker has begun were not searched.
   */
  isWhole: boolean;
  /**
   * Until when batches were counted, where a filter says which are meant: the `until` with which an action takes none
   * that came since.
   */
  until?: Date | undefined;
}

/** How a preview is made. */
export interface PreviewOptions {
  /** Ends it. */
  signal?: AbortSignal | undefined;
  /** For how long it may count; it may take about a second longer. Default: as long as it takes. */
  maxMs?: number | undefined;
  /** Told after each part of what is counted. */
  onProgress?: ((preview: BulkPreview) => void) | undefined;
}

/** @throws UsageError that says what is wrong with the selection; the signal's reason. */
export async function previewBulk(
  queues: ClientQueues,
  action: BulkAction,
  selection: BulkSelection,
  options: PreviewOptions = {},
): Promise<BulkPreview> {
  checkOptions('preview', options, ['signal', 'maxMs', 'onProgress']);
  const { signal, onProgress, maxMs = Number.POSITIVE_INFINITY } = options;
  checkSignal(signal);
  checkType('onProgress', onProgress, 'function');
  const checked = await selectionUntilNow(queues, checkSelection(action, selection));
  const until = performance.now() + maxMs;
  const counts = { batches: 0, leftOut: 0, atlasBatches: 0, documents: 0 };
  const preview: BulkPreview = { action, ...counts, isWhole: true, ...untilOf(checked) };
  const parts = selectedReferences(queues, checked);
  let part = await parts.next();
  while (part.done !== true) {
    signal?.throwIfAborted();
    await addCosts(queues, preview, part.value);
    onProgress?.({ ...preview });
    part = await parts.next();
    if (part.done !== true && performance.now() > until) return { ...preview, isWhole: false };
  }
  preview.isWhole = part.value;
  if ('filter' in checked && checked.givenUp) preview.leftOut += await countGivenUpAlone(queues);
  return preview;
}

function untilOf(selection: CheckedSelection): Pick<BulkPreview, 'until'> {
  const untilMs = 'filter' in selection ? selection.filter.untilMs : null;
  return untilMs === null ? {} : { until: new Date(untilMs) };
}

async function addCosts(
  queues: ClientQueues,
  preview: BulkPreview,
  references: readonly string[],
): Promise<void> {
  const { action } = preview;
  const costs = await readCosts(queues, references);
  for (const [i, batch] of costs.entries()) {
    // Of a batch that is no longer kept there may be an event still.
    const isMeant = batch
      ? isFor(action, batch)
      : action === 'redeliver' && (await hasEvent(queues, references[i] ?? ''));
    if (!isMeant) {
      preview.leftOut += 1;
      continue;
    }
    preview.batches += 1;
    if (batch === null || action === 'redeliver') continue;
    preview.atlasBatches += atlasBatchesOf(batch.state, action).size;
    if (action === 'retry') preview.documents += await documentsOf(queues, batch);
  }
}

function isFor(action: BulkAction, { hasFailed }: Costs): boolean {
  if (action === 'redeliver') return hasFailed !== false;
  return hasFailed === (action === 'retry');
}

/** Batches that are no longer kept, of which an event was given up. */
async function countGivenUpAlone(queues: ClientQueues): Promise<number> {
  const references = [...(await referencesGivenUp(queues))];
  const pipeline = queues.link.redis.pipeline();
  for (const reference of references) pipeline.exists(jobKeyOf(queues, reference));
  const replies = (await pipeline.exec()) ?? [];
  return replies.filter(([, exists]) => exists === 0).length;
}

interface Costs {
  reference: string;
  /** Null when it has completed, false before its end. */
  hasFailed: boolean | null;
  state: BatchState | null;
}

async function readCosts(
  queues: ClientQueues,
  references: readonly string[],
): Promise<(Costs | null)[]> {
  const pipeline = queues.link.redis.pipeline();
  for (const reference of references)
    pipeline.hmget(jobKeyOf(queues, reference), 'name', 'finishedOn', 'failedReason', 'progress');
  const replies = (await pipeline.exec()) ?? [];
  return references.map((reference, i) => {
    const [error, reply] = replies[i] ?? [];
    if (error) throw error;
    const [name, finishedOn, failedReason, progress] = reply as (string | null)[];
    if (!name) return null;
    const stored = readState<BatchState>(parseJson(progress ?? ''));
    const hasFailed = finishedOn ? (failedReason ? true : null) : false;
    return { reference, hasFailed, state: stored.kind === 'known' ? stored.state : null };
  });
}

/** Those whose result may still change, without repeats. */
function atlasBatchesOf(state: BatchState | null, action: BulkAction): Set<string> {
  const meant = (state?.uploads ?? []).filter(
    (upload) =>
      upload.state === 'sent' ||
      (action === 'retry' && upload.state === 'ended' && upload.result.status !== 'complete'),
  );
  return new Set(meant.flatMap((upload) => atlasBatchIdOf(upload) ?? []));
}

async function documentsOf(queues: ClientQueues, { reference, state }: Costs): Promise<number> {
  // The first round has sent every document of the batch.
  const sent = (state?.uploads ?? []).flatMap((upload) => fromRanges(upload.documentIndexes));
  if (state && sent.length > 0)
    return missingDocuments(sent.reduce((most, index) => Math.max(most, index), 0) + 1, state)
      .length;
  const data = await queues.link.redis.hget(jobKeyOf(queues, reference), 'data');
  const { documents } = Object(parseJson(data ?? ''));
  return Array.isArray(documents) ? documents.length : 0;
}
