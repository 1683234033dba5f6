/**
 * Reads the bodies of Atlas's responses: strictly where we rely on them, loosely elsewhere.
 * `access_token`, `batch_id` and the page object may stand at the top level or under `data`. The
 * reason why a body is unusable goes to logs, so it never holds any text of the body.
 */
import { z } from 'zod';
import { isObject, parseJson } from '../json.js';
import { parseRawPage } from './raw-json.js';

/** The longest `document_id` that is accepted. Our own have 128 + 1 + 128 characters at most. */
const MAX_DOCUMENT_ID_LENGTH = 300;
/** The longest `batch_id` that is accepted. The documented example has 36 characters. */
const MAX_BATCH_ID_LENGTH = 200;
/** The longest token that is accepted. Servers commonly refuse headers of 16 KiB. */
const MAX_TOKEN_LENGTH = 8192;

/** One page of extracts as Atlas sent it. */
export interface ExtractsPage {
  /** In Atlas's order. `fileData` is the JSON text of `file_data` as it came. */
  extracts: { atlasDocumentId: string; fileData: string }[];
  /** The number that was asked for. */
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

/** What a body says, or why it is unusable. */
export type Parsed<T> = { ok: true; value: T } | { ok: false; why: string };

const printable = (maxLength: number) =>
  z
    .string()
    .max(maxLength)
    .regex(/^(?=.*\S)[^\p{Cc}\p{Cs}]+$/u);

const count = z.int().nonnegative().nullable().default(null);
const pageSchema = z.object({
  data: z.array(z.object({ document_id: printable(MAX_DOCUMENT_ID_LENGTH) })),
  page: z.int(),
  per_page: count,
  total_pages: count,
  total_items: count,
  has_next: z.boolean().nullish(),
});
const batchIdSchema = z.union([printable(MAX_BATCH_ID_LENGTH), z.int().transform(String)]);
const tokenSchema = z
  .string()
  .max(MAX_TOKEN_LENGTH)
  .regex(/^[\x21-\x7e]+$/);

/** The token of an authtoken response: something that can travel as a header. */
export function readAccessToken(body: string): Parsed<string> {
  return readText(body, 'access_token', tokenSchema);
}

/** The id of a multiupload response: printable, not blank, at most 200 characters, or a number. */
export function readBatchId(body: string): Parsed<string> {
  return readText(body, 'batch_id', batchIdSchema);
}

/** A page of an extracts response. It is unusable when its number is not `asked`. */
export function readExtractsPage(body: string, asked: number): Parsed<ExtractsPage> {
  let raw: ReturnType<typeof parseRawPage>;
  try {
    raw = parseRawPage(body);
  } catch {
    return unusable('the body is not JSON');
  }
  const inner = isObject(raw.value) ? raw.value.data : undefined;
  const parsed = pageSchema.safeParse(isObject(inner) && !Array.isArray(inner) ? inner : raw.value);
  if (!parsed.success) return unusable(describe(parsed.error));
  const page = parsed.data;
  if (page.page !== asked) return unusable('it is another page than the one asked for');

  const extracts: ExtractsPage['extracts'] = [];
  for (const [index, item] of page.data.entries()) {
    const fileData = raw.fileData[index];
    if (fileData === undefined) return unusable('an item has no file_data');
    extracts.push({ atlasDocumentId: item.document_id, fileData });
  }
  const { per_page: perPage, total_pages: totalPages, total_items: totalItems } = page;
  const hasNext = page.has_next ?? (totalPages === null ? undefined : page.page < totalPages);
  if (hasNext === undefined) return unusable('it has neither has_next nor total_pages');
  return {
    ok: true,
    value: {
      extracts,
      page: page.page,
      perPage,
      totalPages,
      totalItems,
      hasNext,
      bytes: Buffer.byteLength(body),
    },
  };
}

/** Reads the text that stands at `key` in the response itself, or in the `data` in it. */
function readText(body: string, key: string, schema: z.ZodType<string>): Parsed<string> {
  const value = parseJson(body);
  if (value === undefined) return unusable('the body is not JSON');
  const holder = isObject(value) && !(key in value) ? value.data : value;
  const parsed = schema.safeParse(isObject(holder) ? holder[key] : undefined);
  return parsed.success ? { ok: true, value: parsed.data } : unusable(`it has no usable ${key}`);
}

function unusable(why: string): { ok: false; why: string } {
  return { ok: false, why };
}

/** Names the first wrong place by key names and an index, and never a value. */
function describe(error: z.ZodError): string {
  const path = error.issues[0]?.path.join('.') ?? '';
  return path === '' ? 'it is not a page object' : `its ${path} is missing or of a wrong kind`;
}
