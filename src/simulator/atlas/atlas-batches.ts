/**
 * The batches that the stand-in holds, and which of their documents can be seen at which time.
 * The times of arrival are drawn once, when a batch is submitted. No timer runs for them.
 */
import { randomFrom, seedFrom } from '../random.js';
import { batchIdOf, numberIdOf } from './batch-id.js';
import type { BatchOptions, DocumentContext, DocumentScript } from './batch-options.js';
import {
  checkOutcome,
  checkOutcomes,
  contentByName,
  type DocumentContent,
  type DocumentOutcome,
} from './document-content.js';
import { extractText } from './extract-text.js';

/** A document becomes visible between these, drawn evenly, unless the options say otherwise. */
const DEFAULT_FIRST_MS = 300;
const DEFAULT_LAST_MS = 1500;
/** Shares of documents that are really two or three in one file. */
const SHARE_OF_THREE = 0.03;
const SHARE_OF_TWO = 0.08;

/** What Atlas was sent. */
export interface AtlasBatch {
  batchId: string;
  productType: string;
  documentIds: readonly string[];
  /** In milliseconds of `performance.now()` of this process. */
  submittedAt: number;
}

/** A batch with its times of arrival. Absent lists mean the plain case, so that 300,000 stay small. */
interface HeldBatch extends AtlasBatch {
  /** Of each document; absent: all at `lastMs`. */
  delays?: number[] | undefined;
  /** Documents by their delay; absent: as sent. */
  order?: number[];
  /** Extracts of each document; absent: one each. */
  counts: number[] | undefined;
  /** What is said of each document; absent: nothing of any. */
  outcomes: (DocumentOutcome | undefined)[] | undefined;
  /** When everything that will come is there, since submission. */
  lastMs: number;
}

/** One extract of a list, by position of its document and number. */
export interface ListedExtract {
  document: number;
  extract: number;
}

export class AtlasBatches {
  newest: AtlasBatch | undefined;
  readonly #held = new Map<string, HeldBatch>();
  #submitted = 0;
  #documents: DocumentScript = {};

  /** @throws UsageError when what is said of a document makes no sense. */
  constructor(private readonly options: BatchOptions) {
    this.setDocuments(options.documents);
  }

  /** For batches that are added from now on. @throws UsageError as at the start. */
  setDocuments(documents: DocumentScript = {}): void {
    if (typeof documents !== 'function') checkOutcomes(documents);
    this.#documents = documents;
  }

  /** @param fileNames Of the documents, in their order. */
  add(
    productType: string,
    documentIds: readonly string[],
    fileNames: readonly string[],
    submittedAt: number,
    asNumber: 'short' | 'long' | undefined = undefined,
  ): AtlasBatch {
    const ordinal = this.#submitted;
    const batchId = asNumber
      ? numberIdOf(ordinal, asNumber === 'long')
      : batchIdOf(this.options.seed, ordinal);
    this.#submitted += 1;
    const held = this.#drawn({ batchId, productType, documentIds, submittedAt }, fileNames);
    this.#held.set(batchId, held);
    this.newest = held;
    const [oldest] = this.#held.keys();
    const limit = this.options.retainBatches ?? Number.POSITIVE_INFINITY;
    if (this.#held.size > limit && oldest !== undefined) this.#held.delete(oldest);
    return held;
  }

  /** Forgets all. Ids go on, so that none comes again while somebody remembers it. */
  clear(): void {
    this.#held.clear();
    this.newest = undefined;
  }

  get(batchId: string): AtlasBatch | undefined {
    return this.#held.get(batchId);
  }

  /** Whether a batch has the same documents. */
  holds(documentIds: readonly string[]): boolean {
    const wanted = documentIds.join('\n');
    return [...this.all()].some((batch) => batch.documentIds.join('\n') === wanted);
  }

  /** In the order in which they were submitted. */
  all(): IterableIterator<AtlasBatch> {
    return this.#held.values();
  }

  /** Milliseconds since submission at which everything that will come is visible. */
  completeAfterMs(batchId: string): number {
    return this.#held.get(batchId)?.lastMs ?? 0;
  }

  /** Everything that will come is visible from now on; without an id, of every batch. */
  completeNow(batchId?: string): void {
    const chosen = batchId === undefined ? this.#held.values() : [this.#held.get(batchId)];
    for (const held of chosen) {
      if (held === undefined) continue;
      held.delays = undefined;
      held.lastMs = Number.NEGATIVE_INFINITY;
    }
  }

  /** The extracts that can be seen at `now`, as Atlas lists them: in the order of arrival. */
  visible(batchId: string, now: number): ListedExtract[] {
    const held = this.#held.get(batchId);
    if (held === undefined) return [];
    const elapsedMs = now - held.submittedAt;
    const list: ListedExtract[] = [];
    for (let position = 0; position < held.documentIds.length; position += 1) {
      const document = held.order?.[position] ?? position;
      if ((held.delays?.[document] ?? held.lastMs) > elapsedMs) break;
      const count = held.counts?.[document] ?? 1;
      for (let extract = 0; extract < count; extract += 1) list.push({ document, extract });
    }
    return list;
  }

  /** The raw text of one extract; undefined for a document that fails. */
  text(batch: AtlasBatch, { document, extract }: ListedExtract): string | undefined {
    const documentId = batch.documentIds[document] ?? '';
    const outcome = this.#held.get(batch.batchId)?.outcomes?.[document];
    if (outcome === 'fails' || outcome === 'never') return undefined;
    const content = isList(outcome) ? outcome[extract] : outcome;
    return extractText(this.options.seed, batch.productType, documentId, extract, content);
  }

  /** All that a batch will ever give, in the order in which its documents were sent. */
  truth(batchId: string): { documentId: string; extracts: string[] }[] {
    const held = this.#held.get(batchId);
    if (held === undefined) return [];
    return held.documentIds.map((documentId, document) => ({
      documentId,
      extracts: Array.from(
        { length: held.counts?.[document] ?? 1 },
        (_, extract) => this.text(held, { document, extract }) ?? [],
      ).flat(),
    }));
  }

  #drawn(upload: AtlasBatch, fileNames: readonly string[]): HeldBatch {
    const { completionMs = drawDelay } = this.options;
    const { documentIds } = upload;
    const ofExtracts = this.#contexts(upload, fileNames, 'extracts');
    const said = ofExtracts.map((context) => this.#outcomeOf(context));
    const outcomes = said.some((outcome) => outcome !== undefined) ? said : undefined;
    const counts = ofExtracts.map((context, i) => this.#extractsOf(context, said[i]));
    const plain = counts.every((count) => count === 1);
    const held = { ...upload, outcomes, counts: plain ? undefined : counts };
    if (typeof completionMs === 'number') return { ...held, lastMs: completionMs };
    const contexts = this.#contexts(upload, fileNames, 'completion');
    const delays = contexts.map((context) => completionMs(context));
    const order = [...documentIds.keys()];
    order.sort((a, b) => (delays[a] ?? 0) - (delays[b] ?? 0));
    const last = order.findLast((index) => counts[index] !== 0) ?? -1;
    return { ...held, delays, order, lastMs: Math.max(0, delays[last] ?? 0) };
  }

  /** What the options say of a document, else what the name of its file says. */
  #outcomeOf(context: DocumentContext): DocumentOutcome | undefined {
    const { documentId, fileName } = context;
    const documents = this.#documents;
    if (typeof documents === 'function') {
      const outcome = documents(context);
      return outcome === undefined ? contentByName(fileName) : checkOutcome(documentId, outcome);
    }
    // While callbacks are on, ids travel behind the reference of their batch.
    const ownId = documentId.slice(documentId.indexOf('/') + 1);
    const name = [documentId, ownId, fileName].find((each) => Object.hasOwn(documents, each));
    const outcome = name === undefined ? undefined : documents[name];
    const byName = contentByName(fileName);
    if (outcome === undefined) return byName;
    if (typeof outcome === 'string') return outcome;
    return isList(outcome)
      ? outcome.map((content) => ({ ...byName, ...content }))
      : { ...byName, ...outcome };
  }

  #extractsOf(context: DocumentContext, outcome: DocumentOutcome | undefined): number {
    const { seed, extractsPerDocument, neverArrives } = this.options;
    if (outcome === 'never') return 0;
    if (outcome === 'fails') return 1;
    if (isList(outcome)) return outcome.length;
    if (neverArrives?.(context.documentId, context) === true) return 0;
    if (extractsPerDocument !== undefined) return extractsPerDocument(context);
    const share = randomFrom(seedFrom(seed, context.documentId))();
    if (share < SHARE_OF_THREE) return 3;
    return share < SHARE_OF_THREE + SHARE_OF_TWO ? 2 : 1;
  }

  /** Each purpose has streams of its own, or what has many extracts would also come early. */
  #contexts(
    { batchId, productType, documentIds }: AtlasBatch,
    fileNames: readonly string[],
    purpose: string,
  ): DocumentContext[] {
    const seed = seedFrom(this.options.seed, `${purpose} ${this.#submitted}`);
    return documentIds.map((documentId, index) => ({
      documentId,
      fileName: fileNames[index] ?? '',
      productType,
      batchId,
      index,
      total: documentIds.length,
      random: randomFrom(seedFrom(seed, String(index))),
      batchRandom: randomFrom(seed),
    }));
  }
}

function drawDelay({ random }: DocumentContext): number {
  return DEFAULT_FIRST_MS + (DEFAULT_LAST_MS - DEFAULT_FIRST_MS) * random();
}

function isList(outcome: DocumentOutcome | undefined): outcome is readonly DocumentContent[] {
  return Array.isArray(outcome);
}
