/** Reads which batches and documents a callback names. Nothing else of it is used. Pure. */
import { parseNearlyJson } from '../../atlas/responses/nearly-json.js';
import { isPageItem } from '../../atlas/responses/raw-json.js';
import {
  foldedForm,
  MAX_RECEIVED_ID_LENGTH,
  REFERENCE_PATTERN,
  visibleForm,
} from '../../jobs/ids.js';
import { isObject } from '../../json.js';

/** References that are read of one callback. A page of Atlas is about one upload, so about one. */
export const MAX_REFERENCES = 16;
/** Items that are read of one callback: many times those of a page. */
const MAX_ITEMS = 10_000;

export interface Callback {
  /** Ids of documents in {@link foldedForm}, by reference. At most {@link MAX_REFERENCES} references. */
  documentIds: Map<string, Set<string>>;
  /** Number of items whose id names no document of a batch, or one batch too many. */
  unknown: number;
}

/** Returns null when the body is no page object. */
export function readCallback(body: string): Callback | null {
  const items = itemsOf(body);
  if (!items) return null;
  const documentIds = new Map<string, Set<string>>();
  let unknown = 0;
  for (const item of items.slice(0, MAX_ITEMS)) {
    const id = splitId(isObject(item) ? item.document_id : undefined);
    const ids = id && documentIds.get(id.reference);
    if (ids) ids.add(id.documentId);
    else if (id && documentIds.size < MAX_REFERENCES) {
      documentIds.set(id.reference, new Set([id.documentId]));
    } else unknown += 1;
  }
  return { documentIds, unknown };
}

/** The items of a page object, which may be as odd as Atlas's responses: wrapped in `data`, nearly JSON. */
function itemsOf(body: string): unknown[] | null {
  const value = parse(body);
  if (!isObject(value)) return null;
  const { data } = value;
  return listOf(data) ?? (isObject(data) ? listOf(data.data) : null);
}

/** Some serializers write a list of one as that one. */
function listOf(data: unknown): unknown[] | null {
  if (Array.isArray(data)) return data;
  return isPageItem(data) ? [data] : null;
}

function parse(body: string): unknown {
  try {
    return parseNearlyJson(body).value;
  } catch {
    return undefined;
  }
}

/**
 * Splits `<reference>/<documentId>`. A reference holds no slash, a document id may. Null where one of them is none: what is
 * longer than any id is not kept, for ids wait in memory while Redis is slow.
 */
function splitId(id: unknown): { reference: string; documentId: string } | null {
  if (typeof id !== 'string') return null;
  const slash = id.indexOf('/');
  if (slash < 1) return null;
  // Filled up with blanks, an id is the same.
  const reference = visibleForm(id.slice(0, slash));
  const documentId = foldedForm(id.slice(slash + 1));
  const areIds = REFERENCE_PATTERN.test(reference) && documentId.length <= MAX_RECEIVED_ID_LENGTH;
  return areIds ? { reference: copyOf(reference), documentId: copyOf(documentId) } : null;
}

/** A part of a text holds all of it in memory, also the megabytes of blanks that were cut off. */
function copyOf(part: string): string {
  return Buffer.from(part, 'utf16le').toString('utf16le');
}
