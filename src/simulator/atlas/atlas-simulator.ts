/** Options and results of the Atlas stand-in. */
import type { StandIn, StandInOptions } from '../stand-in.js';
import type { AtlasBatch } from './atlas-batches.js';
import type { AtlasEndpoint, AtlasFaultPlan } from './atlas-faults.js';
import type { BatchOptions, DocumentScript } from './batch-options.js';
import type { CallbackCounts, CallbackOptions } from './callbacks.js';

export interface AtlasSimulatorOptions extends Omit<BatchOptions, 'seed'>, StandInOptions {
  clientId?: string | undefined;
  clientSecret?: string | undefined;
  /** Extracts of a page, asked for or not. Default 50. */
  maxPerPage?: number | undefined;
  /** Life of a token. Default: for ever. */
  tokenTtlMs?: number | undefined;
  /** A new token ends the ones before it. Default false. */
  onlyNewestToken?: boolean | undefined;
  /** How a token is refused: by Atlas (default), or by the web page of a gateway before it. */
  tokenRefusal?: 'json' | 'html' | undefined;
  /** Where answers stand: at the top level (default) or under `data`. */
  envelope?: 'top' | 'data' | undefined;
  /** The number that asks for the first page. Default 1, as documented. */
  firstPage?: 0 | 1 | undefined;
  /** The number that its response calls it. Default: the same. */
  saidFirstPage?: 0 | 1 | undefined;
  /** False leaves `total_items` out of pages. Default true. */
  totalItems?: boolean | undefined;
  /** False accepts URLs without fetching them. Default true. */
  fetchUrls?: boolean | undefined;
  /** 404 for a batch that is younger. Default 0. */
  notFoundForMs?: number | undefined;
  /** An empty page for a batch that is younger. Default 0. */
  emptyForMs?: number | undefined;
  /** 429 beyond this many requests in any second. Default 0: no limit. */
  maxRequestsPerSecond?: number | undefined;
  /** `Retry-After` of those 429. Default: none. */
  retryAfter?: string | undefined;
  /** Callbacks for completed batches. Default: none. */
  callback?: CallbackOptions | undefined;
  /** Think time before each answer. Default 0. */
  latencyMs?: number | undefined;
}

/** An accepted `multiupload`. */
export interface AtlasUpload {
  batchId: string;
  productType: string;
  documentIds: readonly string[];
  /** In milliseconds of `performance.now()` of this process. */
  at: number;
  /** Whether the caller was told the batch id; false when a fault kept the answer back. */
  answered: boolean;
}

export interface AtlasSimulator extends StandIn<AtlasEndpoint, AtlasFaultPlan> {
  clientId: string;
  clientSecret: string;
  /** In the order of submission. */
  batches(): Iterable<AtlasBatch>;
  /** Every accepted upload in order, also those whose answer never arrived. */
  uploads(): AtlasUpload[];
  /**
   * Everything that a batch will ever give, in the order in which its documents were sent; each
   * extract as its raw `file_data`. Empty for a batch that is not known.
   */
  truth(batchId: string): { documentId: string; extracts: string[] }[];
  /** Bytes of bodies sent. */
  bytesSent(endpoint?: AtlasEndpoint): number;
  /** Everything that will ever come is visible from now on; without an id, of every batch. */
  completeNow(batchId?: string): void;
  /** Forgets every token. */
  expireTokens(): void;
  /** Only these are taken from now on, and every token is forgotten: as when a secret is rotated. */
  setCredentials(credentials: { clientId: string; clientSecret: string }): void;
  /**
   * What documents hold, for batches submitted from now on.
   * @throws UsageError that names the document whose content makes no sense.
   */
  setDocuments(documents: DocumentScript | undefined): void;
  /** For batches submitted from now on. */
  setCallback(callback: CallbackOptions | undefined): void;
  callbackCounts(): CallbackCounts;
}
