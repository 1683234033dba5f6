/** Whom a callback is about. Nothing else of it is polled or kept: the truth is at Atlas. Pure. */
import { REFERENCE_PATTERN } from '../../jobs/ids.js';
import { isObject, parseJson } from '../../json.js';

/** A page of Atlas's is about one upload, and so about one batch; a few more do no harm. */
export const MAX_REFERENCES = 16;
/** Items that are read: many times a page. */
const MAX_ITEMS = 10_000;

export interface Callback {
  /** Ids of documents, as the callers know them, by reference; at most {@link MAX_REFERENCES}. */
  rings: Map<string, Set<string>>;
  /** Items whose id names no batch, or a batch too many. */
  unknown: number;
}

/** Null when the body is no page object. */
export function readCallback(body: string): Callback | null {
  const items = itemsOf(body);
  if (!items) return null;
  const rings = new Map<string, Set<string>>();
  let unknown = 0;
  for (const item of items.slice(0, MAX_ITEMS)) {
    const named = splitId(isObject(item) ? item.document_id : undefined);
    const known = named && rings.get(named.reference);
    if (known) known.add(named.documentId);
    else if (named && rings.size < MAX_REFERENCES) {
      rings.set(named.reference, new Set([named.documentId]));
    } else unknown += 1;
  }
  return { rings, unknown };
}

/** The items of a page object, which may stand under `data` as Atlas's other answers may. */
function itemsOf(body: string): unknown[] | null {
  const value = parseJson(body);
  if (!isObject(value)) return null;
  const { data } = value;
  if (Array.isArray(data)) return data;
  return isObject(data) && Array.isArray(data.data) ? data.data : null;
}

/** `<reference>/<documentId>`: a reference holds no slash, a document id may. */
function splitId(id: unknown): { reference: string; documentId: string } | null {
  if (typeof id !== 'string') return null;
  const slash = id.indexOf('/');
  if (slash < 1) return null;
  const reference = id.slice(0, slash);
  return REFERENCE_PATTERN.test(reference) ? { reference, documentId: id.slice(slash + 1) } : null;
}
