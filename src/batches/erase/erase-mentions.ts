/** Removes the name of a batch from what people have asked for of others: of many by a search, or with a reason. */
import { setImmediate as otherWork } from 'node:timers/promises';
import { type AuditRecord, readAuditRecord } from '../../jobs/audit-record.js';
import { erasedDigest } from '../../jobs/erased.js';
import { auditKey } from '../../jobs/keys/redis-keys.js';
import { isObject, parseJson } from '../../json.js';
import { LuaScript } from '../../redis/lua-script.js';
import { comparable } from './document-names.js';
import type { EraseScope, Traces } from './erase-scope.js';
import type { KeySpace } from './find-traces.js';
import { REDACTED, redact } from './redact.js';

/** Between what else a page tells of an order and the search, which comes last. */
const BEFORE_SEARCH = ', with ';

/** KEYS the record. ARGV its order as it was read, and without the name. One that expires meanwhile does not come back. */
const REPLACE_ORDER = new LuaScript<0 | 1>(`
if redis.call('HGET', KEYS[1], 'order') ~= ARGV[1] then return 0 end
redis.call('HSET', KEYS[1], 'order', ARGV[2])
return 1
`);

/** KEYS the list. ARGV the record as it was read, and without the name. A worker may have taken it meanwhile. */
const REPLACE_RELAYED = new LuaScript<0 | 1>(`
local index = redis.call('LPOS', KEYS[1], ARGV[1])
if not index then return 0 end
redis.call('LSET', KEYS[1], index, ARGV[2])
return 1
`);

/**
 * The records of pages stay, also for a server that is at work: it writes how far it is, and never the order. So it
 * does not matter which of them have ended, or have lost their server.
 * @param keys Of those records.
 * @returns How many were changed.
 */
export async function redactOrders(
  { redis }: KeySpace,
  traces: Traces,
  keys: readonly string[],
): Promise<number> {
  let changed = 0;
  for (const key of keys) {
    const text = (await redis.hget(key, 'order')) ?? '';
    const order = parseJson(text);
    if (!isObject(order)) continue;
    const redacted = {
      ...redactField(order, 'which', (which) => redactWhich(which, traces)),
      ...redactField(order, 'reason', (reason) => redact(reason, traces.reference)),
    };
    const without = JSON.stringify({ ...order, ...redacted });
    if (without !== JSON.stringify(order))
      changed += await REPLACE_ORDER.run(redis, [key], [text, without]);
  }
  return changed;
}

/**
 * Records of changes that no worker has written into its log yet stay without the name, so that it is known who
 * cancelled the batch.
 * @returns How many were changed.
 */
export async function redactRelayed(
  { redis, prefix }: KeySpace,
  scope: EraseScope,
): Promise<number> {
  const key = auditKey(prefix);
  let changed = 0;
  for (const text of await redis.lrange(key, 0, -1)) {
    const record = readAuditRecord(text);
    if (!record || !scope.hasWritten(Date.parse(record.at))) continue;
    // Of many documents a search takes a millisecond, and there may be thousands of them.
    if (record.filter) await otherWork();
    const without = JSON.stringify(redactRecord(record, scope.traces));
    if (without !== JSON.stringify(record))
      changed += await REPLACE_RELAYED.run(redis, [key], [text, without]);
  }
  return changed;
}

/** Of a filter only the search can name it: whatever else is like a reference is a tenant, a state or a product. */
function redactRecord(record: AuditRecord, traces: Traces): AuditRecord {
  const { reference, timestamp } = traces;
  const { filter } = record;
  return {
    ...record,
    // As the certificate names it.
    ...(record.reference === reference && {
      reference: `sha256:${erasedDigest(reference, timestamp)}`,
    }),
    ...redactField({ ...record }, 'reason', (reason) => redact(reason, reference)),
    filter: filter && {
      ...filter,
      ...redactField(filter, 'text', (search) => redactSearch(search, traces)),
    },
  };
}

/** `failed, with pan-77`. A product may be written as what stands before a search: then it goes too. */
function redactWhich(which: string, traces: Traces): string {
  for (let at = which.indexOf(BEFORE_SEARCH); at >= 0; at = which.indexOf(BEFORE_SEARCH, at + 1)) {
    const from = at + BEFORE_SEARCH.length;
    const search = which.slice(from);
    if (namesOtherwise(search, traces)) return which.slice(0, from) + REDACTED;
  }
  return redact(which, traces.reference);
}

function redactSearch(search: string, traces: Traces): string {
  return namesOtherwise(search, traces) ? REDACTED : redact(search, traces.reference);
}

/**
 * Whether a search names the batch by other words than its reference: by a part of it, by its documents, or by the id
 * that Atlas gave it.
 */
function namesOtherwise(
  search: string,
  { reference, documentNames, atlasBatchIds }: Traces,
): boolean {
  const part = comparable(search.trim());
  const isPart =
    part !== '' && comparable(reference) !== part && comparable(reference).includes(part);
  return isPart || atlasBatchIds.has(search) || documentNames.areMeantBy(search);
}

/** Where the field is text. */
function redactField(
  of: Record<string, unknown>,
  field: string,
  redacted: (text: string) => string,
): Record<string, string> {
  const text = of[field];
  return typeof text === 'string' ? { [field]: redacted(text) } : {};
}
