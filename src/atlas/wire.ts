/**
 * What Atlas's responses look like on the wire, read strictly where we rely on it and loosely
 * elsewhere. `access_token`, `batch_id` and the page object may stand at the top level or under
 * `data`. A reason why a body is unusable is for logs and never holds any of its text.
 */
import { z } from 'zod';
import { isObject, parseJson } from '../json.js';
import { parseRawPage } from './raw-json.js';

/** Longest `document_id` that is believed: our own are 128 + 1 + 128 characters at most. */
const MAX_DOCUMENT_ID_LENGTH = 300;
/** Longest `batch_id` that is believed; the documented example has 36 characters. */
const MAX_BATCH_ID_LENGTH = 200;
/** Longest token that is believed; servers commonly refuse headers of 16 KiB. */
const MAX_TOKEN_LENGTH = 8192;

/** One page of extracts as Atlas sent it. */
export interface ExtractsPage {
  /** In Atlas's order. `fileData` is the raw JSON text of `file_data`, numbers untouched. */
  extracts: { documentId: string; fileData: string }[];
  /** The page's own number: the one that was asked for. */
  page: number;
  /** Atlas's own page size, which may be smaller than asked; null when it does not say. */
  perPage: number | null;
  totalPages: number | null;
  /** Extracts on all pages; null when Atlas does not say. */
  totalItems: number | null;
  hasNext: boolean;
  /** Size of the body. */
  bytes: number;
}

/** A body read, or why it is unusable. */
export type Wire<T> = { ok: true; value: T } | { ok: false; why: string };

const printable = (maxLength: number) =>
  z
    .string()
    .max(maxLength)
    .regex(/^(?=.*\S)[^\p{Cc}\p{Cs}]+$/u);

const count = z.int().nonnegative().nullish();
const pageSchema = z.object({
  data: z.array(z.object({ document_id: printable(MAX_DOCUMENT_ID_LENGTH) })),
  page: z.int(),
  per_page: count,
  total_pages: count,
  total_items: count,
  has_next: z.boolean().nullish(),
});
const batchIdSchema = z.object({ batch_id: printable(MAX_BATCH_ID_LENGTH) });
const tokenSchema = z.object({
  access_token: z
    .string()
    .max(MAX_TOKEN_LENGTH)
    .regex(/^[\x21-\x7e]+$/),
});

/** The token of an authtoken response: something that can travel as a header. */
export function readAccessToken(body: string): Wire<string> {
  const envelope = readEnvelope(body, 'access_token', tokenSchema);
  return envelope.ok ? { ok: true, value: envelope.value.access_token } : envelope;
}

/** The id of a multiupload response: printable, not blank, at most 200 characters. */
export function readBatchId(body: string): Wire<string> {
  const envelope = readEnvelope(body, 'batch_id', batchIdSchema);
  return envelope.ok ? { ok: true, value: envelope.value.batch_id } : envelope;
}

/** A page of an extracts response; one that says it is another page than `asked` is unusable. */
export function readExtractsPage(body: string, asked: number): Wire<ExtractsPage> {
  let raw: ReturnType<typeof parseRawPage>;
  try {
    raw = parseRawPage(body);
  } catch {
    return unusable('the body is not JSON');
  }
  const wrapped = isObject(raw.value) && isObject(raw.value.data) && !Array.isArray(raw.value.data);
  const parsed = pageSchema.safeParse(wrapped && isObject(raw.value) ? raw.value.data : raw.value);
  if (!parsed.success) return unusable(describe(parsed.error));
  const page = parsed.data;
  if (page.page !== asked) return unusable('it is another page than the one asked for');

  const extracts: ExtractsPage['extracts'] = [];
  for (const [index, item] of page.data.entries()) {
    const fileData = raw.fileData[index];
    if (fileData === undefined) return unusable('an item has no file_data');
    extracts.push({ documentId: item.document_id, fileData });
  }
  const totalPages = page.total_pages ?? null;
  const hasNext = page.has_next ?? (totalPages === null ? undefined : page.page < totalPages);
  if (hasNext === undefined) return unusable('it has neither has_next nor total_pages');
  return {
    ok: true,
    value: {
      extracts,
      page: page.page,
      perPage: page.per_page ?? null,
      totalPages,
      totalItems: page.total_items ?? null,
      hasNext,
      bytes: Buffer.byteLength(body),
    },
  };
}

/** Reads the object that holds `key`: the response itself, or the `data` in it. */
function readEnvelope<T>(body: string, key: string, schema: z.ZodType<T>): Wire<T> {
  const value = parseJson(body);
  if (value === undefined) return unusable('the body is not JSON');
  const holder = isObject(value) && !(key in value) ? value.data : value;
  const parsed = schema.safeParse(holder);
  return parsed.success ? { ok: true, value: parsed.data } : unusable(`it has no usable ${key}`);
}

function unusable(why: string): { ok: false; why: string } {
  return { ok: false, why };
}

/** Names the first wrong place only: our own key names and an index, never a value. */
function describe(error: z.ZodError): string {
  const path = error.issues[0]?.path.join('.') ?? '';
  return path === '' ? 'it is not a page object' : `its ${path} is missing or of a wrong kind`;
}
