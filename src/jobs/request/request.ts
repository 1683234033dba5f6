/**
 * What an upstream app asks for: the data of a `batch` job, which is the whole producer interface.
 * The worker and the client check it with the same function.
 */
import { z } from 'zod';
import { comparableId, REFERENCE_PATTERN, REFERENCE_RULE } from '../ids.js';
import { BUCKET_NAME, BUCKET_NAME_RULE } from './bucket-name.js';
import { describeIssues, type ValidationIssue } from './validation-issues.js';

export const MAX_DOCUMENTS = 10_000;
/** S3's own limit. */
const MAX_KEY_BYTES = 1024;
export const MAX_DOCUMENT_ID_LENGTH = 128;
export const MAX_PRODUCT_TYPE_LENGTH = 128;

/** A scan in S3. */
export interface BatchDocument {
  /**
   * Your own id of the document: 1 to 128 printable characters, not blank, unique in the batch, also
   * in its normal form (NFC). It goes to Atlas and into logs, so it should hold no personal data.
   */
  documentId: string;
  /** S3 bucket of the scan, or the ARN of an access point. The workers must be allowed to read it. */
  bucket: string;
  /** S3 key of the scan as it is, not encoded: at most 1,024 bytes of UTF-8. */
  key: string;
}

/** A batch: what is sent to Atlas and waited for as one. */
export interface BatchRequest {
  /**
   * Your own name of the batch: 1 to 128 of `A-Z a-z 0-9 . _ -`, not dots alone. The same reference
   * added twice is one batch, as long as the workers keep its job.
   */
  reference: string;
  /** Product type as Atlas knows it, such as `LOAN_APP`: 1 to 128 printable characters. */
  productType: string;
  /** 1 to 10,000 documents. Many are sent in several uploads, and stay one batch. */
  documents: BatchDocument[];
  /**
   * Its share of Atlas beside other batches that wait in line: `urgent` gets ten times what `normal` gets,
   * and `normal` ten times `bulk`. Default `normal`.
   */
  priority?: Priority | undefined;
  /** Whose it is: 1 to 64 of `A-Z a-z 0-9 . _ -`. Tenants that wait in line share Atlas by their weights. */
  tenant?: string | undefined;
  /**
   * Yours: at most 16 strings of at most 256 characters, under keys of at most 64. They are repeated in the
   * batch's event and never sent to Atlas. They lie in Redis, so they should hold no personal data.
   */
  metadata?: Record<string, string> | undefined;
}

/** What a batch's share of Atlas is beside others that wait in line. */
export type Priority = 'urgent' | 'normal' | 'bulk';

/** Each of them. */
export const PRIORITIES: readonly Priority[] = ['urgent', 'normal', 'bulk'];
/** Of a batch that names none. */
export const DEFAULT_PRIORITY: Priority = 'normal';

const TENANT_RULE = '1 to 64 of A-Z a-z 0-9 . _ -';
export const TENANT_PATTERN = /^[A-Za-z0-9._-]{1,64}$/;

const MAX_METADATA = 16;
const MAX_METADATA_KEY_LENGTH = 64;
const MAX_METADATA_VALUE_LENGTH = 256;

const printable = (maxLength: number) =>
  z.string().regex(new RegExp(`^(?=.*\\S)[^\\p{C}\\p{Zl}\\p{Zp}]{1,${maxLength}}$`, 'u'), {
    error: `must be 1 to ${maxLength} printable characters, and not blank`,
  });

const documentSchema = z.strictObject({
  documentId: printable(MAX_DOCUMENT_ID_LENGTH).describe(
    "The caller's own id of the document, unique in the batch. No personal data, please.",
  ),
  bucket: z
    .string()
    .regex(BUCKET_NAME, { error: BUCKET_NAME_RULE })
    .describe('S3 bucket of the scan.'),
  key: z
    .string()
    .min(1, { error: 'must not be empty' })
    .meta({ maxLength: MAX_KEY_BYTES })
    .refine((key) => Buffer.byteLength(key) <= MAX_KEY_BYTES && key.isWellFormed(), {
      error: `must be valid Unicode of at most ${MAX_KEY_BYTES} bytes`,
    })
    .describe('S3 key of the scan.'),
}) satisfies z.ZodType<BatchDocument>;

export const batchRequestSchema = z.strictObject({
  reference: z
    .string()
    .regex(REFERENCE_PATTERN, { error: `must be ${REFERENCE_RULE}` })
    .describe("The caller's name of the batch. The same reference added twice is one batch."),
  productType: printable(MAX_PRODUCT_TYPE_LENGTH).describe(
    'Product type as Atlas knows it, such as LOAN_APP.',
  ),
  documents: z
    .array(documentSchema)
    .min(1, { error: 'must hold at least one document' })
    .max(MAX_DOCUMENTS, { error: `must hold at most ${MAX_DOCUMENTS} documents` }),
  priority: z
    .enum(PRIORITIES, { error: 'must be urgent, normal or bulk' })
    .optional()
    .describe('Its share of Atlas beside other batches that wait in line. Default: normal.'),
  tenant: z
    .string()
    .regex(TENANT_PATTERN, { error: `must be ${TENANT_RULE}` })
    .optional()
    .describe('Whose the batch is. Tenants that wait in line share Atlas by their weights.'),
  metadata: z
    .record(
      z.string(),
      z.string().max(MAX_METADATA_VALUE_LENGTH, {
        error: `must be at most ${MAX_METADATA_VALUE_LENGTH} characters`,
      }),
    )
    .meta({ maxProperties: MAX_METADATA })
    .refine((metadata) => Object.keys(metadata).length <= MAX_METADATA, {
      error: `must hold at most ${MAX_METADATA} strings`,
    })
    .refine(
      (metadata) =>
        Object.keys(metadata).every(
          (key) => key.length > 0 && key.length <= MAX_METADATA_KEY_LENGTH,
        ),
      { error: `must have keys of 1 to ${MAX_METADATA_KEY_LENGTH} characters` },
    )
    .optional()
    .describe("The caller's own, repeated in the event and never sent to Atlas."),
}) satisfies z.ZodType<BatchRequest>;

export function isDocumentId(text: string): boolean {
  return documentSchema.shape.documentId.safeParse(text).success;
}

export type BatchRequestCheck =
  | { valid: true; request: BatchRequest }
  /** One sentence per issue, all of them. */
  | { valid: false; issues: string[] };

/** Checks data of any kind; never throws, and reports every issue at once. */
export function checkBatchRequest(data: unknown): BatchRequestCheck {
  const parsed = batchRequestSchema.safeParse(data, { reportInput: true });
  const issues = parsed.error?.issues.flatMap(toIssues) ?? [];
  issues.push(...duplicateIds(data), ...lostMetadata(data));
  return parsed.success && issues.length === 0
    ? { valid: true, request: parsed.data }
    : { valid: false, issues: describeIssues(issues) };
}

function toIssues(issue: z.core.$ZodIssue): ValidationIssue[] {
  const path = issue.path.map((part) => (typeof part === 'symbol' ? String(part) : part));
  switch (issue.code) {
    case 'unrecognized_keys':
      return issue.keys.map((key) => ({ path: [...path, key], message: 'is not a known key' }));
    case 'invalid_type':
      if (issue.input === undefined && path.length > 0) return [{ path, message: 'is missing' }];
      return [
        { path, message: `must be ${/^[ao]/.test(issue.expected) ? 'an' : 'a'} ${issue.expected}` },
      ];
    default:
      return [{ path, message: issue.message }];
  }
}

/** Not a part of the schema: Zod leaves the key out before it checks anything. */
function lostMetadata(data: unknown): ValidationIssue[] {
  const { metadata } = Object(data);
  if (!Object.hasOwn(Object(metadata), '__proto__')) return [];
  return [{ path: ['metadata'], message: 'must not have the key __proto__' }];
}

/** Not a refinement of the schema: Zod skips those as soon as anything else is wrong. */
function duplicateIds(data: unknown): ValidationIssue[] {
  const { documents } = Object(data);
  if (!Array.isArray(documents)) return [];
  const seen = new Set<string>();
  return documents.slice(0, MAX_DOCUMENTS).flatMap((document: unknown, index) => {
    const id: unknown = Object(document).documentId;
    if (typeof id !== 'string') return [];
    const path = ['documents', index, 'documentId'];
    // Atlas may know only one of two that differ in their normal form.
    const comparable = comparableId(id);
    if (seen.has(comparable)) return [{ path, message: 'is used by an earlier document' }];
    seen.add(comparable);
    return [];
  });
}
