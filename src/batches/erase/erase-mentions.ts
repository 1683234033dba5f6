/** Removes the name of a batch from what people have asked for of others: of many by a search, or with a reason. */
import { type AuditRecord, readAuditRecord } from '../../jobs/audit-record.js';
import { erasedDigest } from '../../jobs/erased.js';
import { auditKey } from '../../jobs/keys/redis-keys.js';
import { isObject, parseJson } from '../../json.js';
import { LuaScript } from '../../redis/lua-script.js';
import type { EraseScope, Traces } from './erase-scope.js';
import type { KeySpace } from './find-traces.js';
import { redact } from './redact.js';

/** What an operator has typed of what a page does to many batches, by its field in the order. */
const TYPED = ['which', 'reason'];

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
  reference: string,
  keys: readonly string[],
): Promise<number> {
  let changed = 0;
  for (const key of keys) {
    const text = (await redis.hget(key, 'order')) ?? '';
    const order = parseJson(text);
    if (!isObject(order)) continue;
    const without = JSON.stringify({ ...order, ...redactFields(order, TYPED, reference) });
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
    const without = JSON.stringify(redactRecord(record, scope.traces));
    if (without !== JSON.stringify(record))
      changed += await REPLACE_RELAYED.run(redis, [key], [text, without]);
  }
  return changed;
}

/** Of a filter only the search can name it: whatever else is like a reference is a tenant, a state or a product. */
function redactRecord(record: AuditRecord, { reference, timestamp }: Traces): AuditRecord {
  const { filter } = record;
  return {
    ...record,
    // As the certificate names it.
    ...(record.reference === reference && {
      reference: `sha256:${erasedDigest(reference, timestamp)}`,
    }),
    ...redactFields({ ...record }, ['reason'], reference),
    filter: filter && { ...filter, ...redactFields(filter, ['text'], reference) },
  };
}

/** Those of the fields that are text. */
function redactFields(
  of: Record<string, unknown>,
  fields: readonly string[],
  reference: string,
): Record<string, string> {
  return Object.fromEntries(
    fields.flatMap((field) => {
      const text = of[field];
      return typeof text === 'string' ? [[field, redact(text, reference)]] : [];
    }),
  );
}
