/**
 * Reads the bodies of Atlas's responses: strictly where we rely on them, loosely elsewhere.
 * `access_token`, `batch_id` and the page object may stand at the top level or under `data`. What is
 * unambiguous is converted: a total that is text, an id that is a number of any length, blanks around a
 * token, a list of one that is that one. What makes no sense is taken for absent. An item that cannot be read costs
 * that item and not its page.
 *
 * The reason why a body or an item is unusable goes to logs, so it never holds any text of the body.
 */
import { z } from 'zod';
import { MAX_RECEIVED_ID_LENGTH } from '../../jobs/ids.js';
import { isObject } from '../../json.js';
import { readFileData } from './file-data.js';
import { JsonTooLargeError } from './large-json.js';
import { isPageItem, parseMember, parseRawPage, type RawPage } from './raw-json.js';

/** The longest `batch_id` that is accepted. The documented example has 36 characters. */
const MAX_BATCH_ID_LENGTH = 200;
/** The longest token that is accepted. Servers commonly refuse headers of 16 KiB. */
const MAX_TOKEN_LENGTH = 8192;
/** "Accepted, not done yet": its body says nothing. */
const ACCEPTED = 202;

const BEYOND_ASCII = /\P{ASCII}/u;

/** One item of `data`. */
export interface PageItem {
  /** Null when it cannot be read. */
  atlasDocumentId: string | null;
  /** The JSON text of `file_data`, as it came or as it stood in a text; null when it is no extract. */
  fileData: string | null;
  /** What is wrong with the item, if anything. */
  unreadable?: string;
}

/** One page of extracts as Atlas sent it. */
export interface ExtractsPage {
  /** In Atlas's order. */
  items: PageItem[];
  /** The number that was asked for. */
  page: number;
  /** What Atlas calls it; null when it does not say. */
  saidPage: number | null;
  /** Atlas's own page size, which may be smaller than asked; null when it does not say. */
  perPage: number | null;
  totalPages: number | null;
  /** Extracts on all pages; null when Atlas does not say. */
  totalItems: number | null;
  /** Both are null when Atlas does not say. */
  hasNext: boolean | null;
  hasPrev: boolean | null;
  /** Atlas says that there is no page yet. Default: true. */
  ready?: boolean;
}

/** What a body says, or why it is unusable. */
export type Parsed<T> =
  | { ok: true; value: T }
  | { ok: false; why: string; isAnotherPage?: boolean };

const wholeNumber = z.union([z.int(), z.bigint()]).transform(String);
/** Printable, and not blank. */
const ID = /^(?=.*\S)[^\p{Cc}\p{Cs}]+$/u;
const isId = (text: string, maxLength: number) => text.length <= maxLength && ID.test(text);

/** A whole number from `min`, as a number or as text; anything else is null. */
const count = (min: number) =>
  z
    .union([
      z.number(),
      z
        .string()
        .regex(/^\s*\d+(\.0+)?\s*$/)
        .transform(Number),
    ])
    .pipe(z.int().min(min))
    .nullable()
    .catch(null);
const flag = z.coerce
  .string()
  .pipe(z.stringbool({ truthy: ['true', '1'], falsy: ['false', '0'] }))
  .nullable()
  .catch(null);
/** Some serializers write a list of one as that one, and an empty list as an empty object. */
const list = z.preprocess((value) => {
  if (isPageItem(value)) return [value];
  return isObject(value) && Object.keys(value).length === 0 ? [] : value;
}, z.array(z.unknown()));
const pageSchema = z.object({
  data: list,
  page: count(0),
  per_page: count(1),
  total_pages: count(0),
  total_items: count(0),
  has_next: flag,
  has_prev: flag,
});
/** What services say instead of a page until there is one. */
const PENDING =
  /^(accepted|in[ _-]?progress|not[ _-]?ready|pending|processing|queued|running|started|submitted|waiting)$/i;
/** What a template makes of no value. */
const NO_VALUE = /^(null|none|nil|undefined|nan)$/i;
const batchIdSchema = trimmed(z.union([z.string(), wholeNumber])).refine(
  (value) => isId(value, MAX_BATCH_ID_LENGTH) && !NO_VALUE.test(value),
);
const tokenSchema = trimmed(
  z.union([z.string(), wholeNumber]).pipe(
    z
      .string()
      .max(MAX_TOKEN_LENGTH)
      .regex(/^[\x20-\x7e]+$/),
  ),
).refine((value) => !NO_VALUE.test(value));

/** The token of an authtoken response: something that can travel as a header. */
export function readAccessToken(body: string): Parsed<string> {
  return readText(body, 'access_token', tokenSchema);
}

/** The id of a multiupload response: printable, not blank, at most 200 characters, or a number. */
export function readBatchId(body: string): Parsed<string> {
  return readText(body, 'batch_id', batchIdSchema);
}

/**
 * A page of an extracts response. It is unusable when its number is not `asked`, or one less where Atlas
 * calls the first page 0; a 0 on each says nothing. Where Atlas is not ready (see {@link hasNothingYet}, a
 * 202, or an empty body), it is an empty page.
 * @param response `guessed`: letters beyond ASCII may be wrong. `saidOfFirst`: what Atlas calls the first page.
 */
export function readExtractsPage(
  body: string,
  asked: number,
  { status = 200, guessed = false, saidOfFirst = null as number | null } = {},
): Parsed<ExtractsPage> {
  if (body.trim() === '') return { ok: true, value: notReady(asked) };
  let raw: RawPage;
  try {
    raw = parseRawPage(body);
  } catch (error) {
    if (status === ACCEPTED) return { ok: true, value: notReady(asked) };
    return unusable(
      error instanceof JsonTooLargeError ? `it has ${error.message}` : 'the body is not JSON',
    );
  }
  if (hasNothingYet(raw.page)) return { ok: true, value: notReady(asked) };
  const parsed = pageSchema.safeParse(raw.page);
  if (!parsed.success) {
    return status === ACCEPTED
      ? { ok: true, value: notReady(asked) }
      : unusable('it is not a page object with a list of data');
  }
  const page = parsed.data;
  const numbers = [null, 0, asked, ...(saidOfFirst === 0 ? [asked - 1] : [])];
  if (!numbers.includes(page.page)) {
    return { ...unusable('it is another page than the one asked for'), isAnotherPage: true };
  }
  const { per_page: perPage, total_pages: totalPages, total_items: totalItems } = page;
  return {
    ok: true,
    value: {
      items: page.data.map((item, index) => readItem(item, raw, index, guessed)),
      page: asked,
      saidPage: page.page,
      perPage,
      totalPages,
      totalItems,
      hasNext: page.has_next,
      hasPrev: page.has_prev,
    },
  };
}

/**
 * Some serializers write an empty list or an empty object as null, others leave it out. Some services have a
 * word instead of a page until they are ready.
 */
function hasNothingYet(page: unknown): boolean {
  if (page === null) return true;
  if (!isObject(page)) return false;
  if (Object.keys(page).length === 0) return true;
  const { data, total_items: total, status, state } = page;
  if (data !== undefined) return data === null;
  const announced = count(0).parse(total);
  return announced === null ? isPending(status) || isPending(state) : announced === 0;
}

function isPending(word: unknown): boolean {
  return typeof word === 'string' && PENDING.test(word.trim());
}

function notReady(page: number): ExtractsPage {
  const unknown = { saidPage: null, perPage: null, totalPages: null, hasPrev: null };
  return { ...unknown, items: [], page, totalItems: 0, hasNext: false, ready: false };
}

function readItem(item: unknown, raw: RawPage, index: number, guessed: boolean): PageItem {
  const id = raw.longIds.get(index) ?? (isObject(item) ? item.document_id : undefined);
  const atlasDocumentId = documentIdOf(id);
  const unreadable = (why: string) => ({ atlasDocumentId, fileData: null, unreadable: why });
  if (!isObject(item) || Array.isArray(item)) return unreadable('it is no object');
  if (atlasDocumentId === null) return unreadable('its document_id is not printable text');
  const fileData = raw.fileData[index];
  if (fileData === undefined) return unreadable('it has no file_data');
  const read = readFileData(fileData);
  if ('why' in read) return unreadable(read.why);
  const kept = { atlasDocumentId, fileData: read.extract };
  if (!guessed && !raw.mended.has(index)) return kept;
  const lost = [
    raw.mended.has(index) ? 'it held a NaN or Infinity, which became null' : [],
    guessed && BEYOND_ASCII.test(fileData) ? 'it is no UTF-8 and was read as windows-1252' : [],
  ].flat();
  if (lost.length === 0) return kept;
  return { ...kept, unreadable: lost.join('; ') };
}

/**
 * Null when it is none. Blanks around an id may be the caller's; line breaks and tabs, which make it
 * unprintable, are not. A page may hold half a million items that are none, for which a schema takes the
 * process seconds.
 */
function documentIdOf(id: unknown): string | null {
  if (typeof id === 'bigint' || Number.isSafeInteger(id)) return String(id);
  if (typeof id !== 'string') return null;
  return [id, id.trim()].find((text) => isId(text, MAX_RECEIVED_ID_LENGTH)) ?? null;
}

/** Reads the text that stands at `key` in the response itself, or in the `data` in it. */
function readText(body: string, key: string, schema: z.ZodType<string, unknown>): Parsed<string> {
  let value: unknown;
  try {
    value = parseMember(body, key);
  } catch {
    return unusable('the body is not JSON');
  }
  const parsed = schema.safeParse(value);
  return parsed.success ? { ok: true, value: parsed.data } : unusable(`it has no usable ${key}`);
}

/** The same without the blanks around a text. */
function trimmed<T>(schema: z.ZodType<T>) {
  return z.preprocess((value) => (typeof value === 'string' ? value.trim() : value), schema);
}

function unusable(why: string): { ok: false; why: string } {
  return { ok: false, why };
}
