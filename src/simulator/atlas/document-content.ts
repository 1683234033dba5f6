/** What a document holds: as a test says, or as the name of its file says. */
import * as z from 'zod';
import { UsageError } from '../../errors.js';

/** A value alone, or with the confidence that it is right, in [0, 1]. */
export type FieldContent = FieldValue | { value: FieldValue; confidence: number };
export type FieldValue = string | number | boolean | null;

/** One extract of a document. */
export interface DocumentContent {
  /** The `document_type`. Default: as the name of the file says, else one of three at random. */
  type?: string | undefined;
  /** The fields by name, and no others. Default: some that the type usually has. */
  fields?: Readonly<Record<string, FieldContent>> | undefined;
  /** Of every field that names none, in [0, 1]. Default: 1, and for default fields at random. */
  confidence?: number | undefined;
}

/**
 * What becomes of a document: its extract, or several of one file; `never`: no extract ever comes;
 * `fails`: Atlas lists it without `file_data`, as one that nobody can read.
 */
export type DocumentOutcome = DocumentContent | readonly DocumentContent[] | 'never' | 'fails';

const VALUE = z.union([z.string(), z.number(), z.boolean(), z.null()]);
const SHARE = z.number().min(0).max(1);
const CONTENT = z.strictObject({
  type: z.string().min(1).optional(),
  fields: z
    .record(
      z.string().min(1),
      z.union([VALUE, z.strictObject({ value: VALUE, confidence: SHARE })]),
    )
    .optional(),
  confidence: SHARE.optional(),
});
const OUTCOME = z.union([z.enum(['never', 'fails']), CONTENT, z.array(CONTENT).min(1)]);

const OUTCOMES = z.record(z.string(), z.unknown());

/** @throws UsageError unless it is an object that says of documents, by name, what they hold. */
export function checkOutcomes(documents: unknown): void {
  const { data } = OUTCOMES.safeParse(documents);
  if (data === undefined) {
    throw new UsageError(
      `documents: they are an object with their names, such as { "pan.jpg": { "type": "PAN" } }`,
    );
  }
  for (const [name, outcome] of Object.entries(data)) checkOutcome(name, outcome);
}

/** @throws UsageError that names the document and what its content may be. */
export function checkOutcome(name: string, outcome: unknown): DocumentOutcome {
  const { data } = OUTCOME.safeParse(outcome);
  if (data !== undefined) return data;
  throw new UsageError(
    `documents: what is said of ${name} is not 'never', 'fails', or { type, fields, confidence } with a confidence from 0 to 1`,
  );
}

const BY_NAME: readonly [RegExp, DocumentContent][] = [
  [/aa?dh?aa?r/, { type: 'AADHAAR' }],
  [/(?<![a-z])pan(?:card)?(?![a-z])/, { type: 'PAN' }],
  [/statement|(?<![a-z])bank(?![a-z])/, { type: 'BANK_STATEMENT' }],
];

/** What the name of a file says; undefined for `001.jpg`. */
export function contentByName(fileName: string): DocumentContent | undefined {
  const words = fileName.replace(/([a-z])(?=[A-Z])/g, '$1 ').toLowerCase();
  return BY_NAME.find(([pattern]) => pattern.test(words))?.[1];
}

/** The name of the file that a URL points at, without folders. */
export function fileNameOf(url: string): string {
  const path = url.replace(/[?#].*$/s, '');
  const name = path.slice(path.lastIndexOf('/') + 1);
  try {
    return decodeURIComponent(name);
  } catch {
    return name;
  }
}
