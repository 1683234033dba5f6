/** Reads which batches and documents a callback names. Nothing else of it is used. Pure. */
import { comparableId, REFERENCE_PATTERN } from '../../jobs/ids.js';
import { isObject, parseJson } from '../../json.js';

/** References that are read of one callback. A page of Atlas is about one upload, so about one. */
export const MAX_REFERENCES = 16;
/** Items that are read of one callback: many times those of a page. */
const MAX_ITEMS = 10_000;

export interface Callback {
  /** Comparable ids of documents, by reference. At most {@link MAX_REFERENCES} references. */
  documentIds: Map<string, Set<string>>;
  /** Number of items whose id names no batch, or one batch too many. */
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

/** The items of a page object. It may be wrapped in `data`, as Atlas's responses may be. */
function itemsOf(body: string): unknown[] | null {
  const value = parseJson(body);
  if (!isObject(value)) return null;
  const { data } = value;
  if (Array.isArray(data)) return data;
  return isObject(data) && Array.isArray(data.data) ? data.data : null;
}

/** Splits `<reference>/<documentId>`. A reference holds no slash, a document id may. */
function splitId(id: unknown): { reference: string; documentId: string } | null {
  if (typeof id !== 'string') return null;
  const slash = id.indexOf('/');
  if (slash < 1) return null;
  const reference = id.slice(0, slash);
  return REFERENCE_PATTERN.test(reference)
    ? { reference, documentId: comparableId(id.slice(slash + 1)) }
    : null;
}
