/** What people say of the batches of the stand-in: what their documents hold, and when they arrive. */
import type { Random } from '../random.js';
import type { DocumentOutcome } from './document-content.js';

/** A document, as the options that decide about its arrival get it. */
export interface DocumentContext {
  documentId: string;
  /** Of the scan, without folders, as its URL names it. */
  fileName: string;
  productType: string;
  batchId: string;
  /** Position in the upload, from 0. */
  index: number;
  /** Documents of the upload. */
  total: number;
  /** Uniform in [0, 1): a stream of this document of this batch. */
  random: Random;
  /** Uniform in [0, 1): the same stream for every document of this batch. */
  batchRandom: Random;
}

export type DocumentScript =
  | Readonly<Record<string, DocumentOutcome>>
  | ((context: DocumentContext) => DocumentOutcome | undefined);

export interface BatchOptions {
  seed: number;
  /** Time from submission until a document is visible, in milliseconds. */
  completionMs?: number | ((context: DocumentContext) => number) | undefined;
  /** Default: most have one, some two or three. */
  extractsPerDocument?: ((context: DocumentContext) => number) | undefined;
  /**
   * What documents hold, by document id or by the name of the file, or as a function. What is not said
   * comes from the name of the file: `pan.jpg` is a PAN card, `aadhaar-front.png` an Aadhaar card,
   * `bank-statement.pdf` a bank statement.
   */
  documents?: DocumentScript | undefined;
  /** A document for which this is true never gets an extract in this batch. */
  neverArrives?: ((documentId: string, context: DocumentContext) => boolean) | undefined;
  /** The oldest are forgotten beyond this many. Default: none is. */
  retainBatches?: number | undefined;
}
