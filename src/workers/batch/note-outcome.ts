/** Writes an outcome to the stream of outcomes, once, with the save that says that it was announced. */
import { outcomesKey } from '../../jobs/keys/redis-keys.js';
import { fieldsOfOutcome, PREVIOUS_FIELD } from '../../jobs/outcome-entry.js';
import type { BatchOutcome } from '../../jobs/state/batch-state.js';
import type { LuaPart } from '../../redis/lua-script.js';
import type { BatchEntry } from './batch-context.js';

/** Hours of the most that one Redis carries, and about 20 MB of it. */
const KEPT_OUTCOMES = 100_000;

/** As the saved state has it until the event was added. In text of people every quote is escaped. */
const NOT_ANNOUNCED = '"announced":false';

/** KEYS the batch job, the stream. A command that is repeated finds an outcome that is announced. */
const WHEN = `
string.find(redis.call('HGET', KEYS[1], 'progress') or '', '${NOT_ANNOUNCED}', 1, true) ~= nil
`;
/** ARGV names and values of the entry. */
const LUA = `
local previous = '0-0'
if redis.call('EXISTS', KEYS[2]) == 1 then
  local info = redis.call('XINFO', 'STREAM', KEYS[2])
  for i = 1, #info, 2 do
    if info[i] == 'last-generated-id' then previous = info[i + 1] end
  end
end
redis.call('XADD', KEYS[2], 'MAXLEN', '~', ${KEPT_OUTCOMES}, '*', '${PREVIOUS_FIELD}', previous, unpack(ARGV))
`;

export function noteOutcome(
  { context, lease, request, reference }: BatchEntry,
  { eventId, eventJobId, status, reason }: BatchOutcome,
): LuaPart {
  return {
    lua: LUA,
    when: WHEN,
    keys: [lease.held.jobKey, outcomesKey(context.config.QUEUE_PREFIX)],
    args: fieldsOfOutcome({
      eventId,
      eventJobId,
      reference: request?.reference ?? reference,
      tenant: request?.tenant ?? null,
      status,
      code: reason?.code ?? null,
    }),
  };
}
