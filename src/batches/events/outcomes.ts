/**
 * Reads the stream of outcomes: each outcome of each batch once, in the order in which they were
 * announced, without taking anybody's job. A reader keeps its position itself.
 */
import { UsageError } from '../../errors.js';
import { outcomesKey } from '../../jobs/keys/redis-keys.js';
import { type OutcomeEntry, readOutcomeFields } from '../../jobs/outcome-entry.js';
import type { RedisConnection } from '../../redis/connection/connection.js';
import { LuaScript } from '../../redis/lua-script.js';
import { CLOSE_TIMEOUT_MS, settlesWithin } from '../../timeouts.js';
import type { ClientQueues } from '../client-queues.js';

/** One outcome, and where it stands. */
export interface Outcome extends OutcomeEntry {
  /** To go on after it. */
  position: string;
  /** When it was announced, Redis time in ms. */
  announcedAt: number;
}

/** What is read of the stream of outcomes. */
export interface ReadOutcomesOptions {
  /**
   * Position of the outcome that was read last. Default: from the oldest on. `end`: only what comes from
   * now on.
   */
  after?: string;
  /** At most so many. Default 100. */
  count?: number;
  /** How long to wait for an outcome when there is none, in ms. Default: not at all. */
  blockMs?: number;
}

export interface ReadOutcomes {
  outcomes: Outcome[];
  /** To go on from there. */
  position: string;
  /**
   * Outcomes between `after` and these are gone, for they were too many or too old. Whoever wants to know
   * of all batches has to read their status.
   */
  reset: boolean;
}

/** Before every position: the stream from its oldest entry on. */
const OLDEST_POSITION = '0-0';

const POSITION = /^(\d{1,15})-(\d{1,20})$/;
/** Of the entries of one millisecond, as Redis counts them. */
const MAX_NUMBER = 2n ** 64n - 1n;
const DEFAULT_COUNT = 100;

export interface OutcomeReader {
  /**
   * Calls that wait are answered one after the other: one call for all who listen in a process is enough.
   * @throws UsageError for what is no position; RedisUnavailableError.
   */
  readOutcomes(options?: ReadOutcomesOptions): Promise<ReadOutcomes>;
  /** Ends a call that waits; it rejects. */
  close(): void;
}

/** What is read at one moment. */
type Reading = [entries: Entry[], last: string | null, oldest: Entry[]];
type Entry = [position: string, fields: string[]];

/** KEYS the stream. ARGV after which, how many. `last` is of the last entry that there was, also when it is gone. */
const READ = new LuaScript<Reading>(`
if redis.call('EXISTS', KEYS[1]) == 0 then return {{}, false, {}} end
local last
local info = redis.call('XINFO', 'STREAM', KEYS[1])
for i = 1, #info, 2 do
  if info[i] == 'last-generated-id' then last = info[i + 1] end
end
local after = ARGV[1] == 'end' and last or ARGV[1]
local entries = redis.call('XRANGE', KEYS[1], '(' .. after, '+', 'COUNT', ARGV[2])
return {entries, last, redis.call('XRANGE', KEYS[1], '-', '+', 'COUNT', 1)}
`);

export function openOutcomes({
  link,
  prefix,
}: Pick<ClientQueues, 'link' | 'prefix'>): OutcomeReader {
  const key = outcomesKey(prefix);
  let blocking: RedisConnection | undefined;

  async function read(after: string, count: number): Promise<ReadOutcomes> {
    const [entries, last, [oldest]] = await READ.run(link.redis, [key], [after, count]);
    const outcomes = entries.map(toOutcome);
    const newest = last ?? OLDEST_POSITION;
    if (after === 'end') return { outcomes, position: newest, reset: false };
    const reset = hasMissed(after, entries[0], newest, oldest);
    const position = outcomes.at(-1)?.position ?? (reset ? newest : after);
    return { outcomes, position, reset };
  }

  /** A call that waits holds its connection up. Where Redis is away, the read that follows says so. */
  async function waitForMore(after: string, blockMs: number): Promise<void> {
    if (blocking === undefined) {
      blocking = link.forBlocking();
      blocking.on('error', () => {});
    }
    const waiting = blocking.xread('COUNT', 1, 'BLOCK', blockMs, 'STREAMS', key, after);
    await settlesWithin(waiting, blockMs + CLOSE_TIMEOUT_MS);
  }

  return {
    async readOutcomes({ after = OLDEST_POSITION, count = DEFAULT_COUNT, blockMs = 0 } = {}) {
      if (after !== 'end' && !isPosition(after)) {
        throw new UsageError('the position of an outcome is two numbers such as 1795435270123-0');
      }
      return link.run(async () => {
        const found = await read(after, count);
        if (found.outcomes.length > 0 || found.reset || blockMs === 0) return found;
        await waitForMore(found.position, blockMs);
        return read(found.position, count);
      });
    },
    close() {
      blocking?.disconnectAll();
      blocking = undefined;
    },
  };
}

/** Whether a text is the position of an outcome. */
export function isPosition(text: string): boolean {
  const [, , number] = POSITION.exec(text) ?? [];
  return number !== undefined && BigInt(number) <= MAX_NUMBER;
}

/** Where a reader begins that wants what was announced at this time, or later. */
export function positionBefore(ms: number): string {
  return ms <= 0 ? OLDEST_POSITION : `${Math.ceil(ms) - 1}-${MAX_NUMBER}`;
}

function toOutcome([position, fields]: Entry): Outcome {
  const [ms] = position.split('-');
  return { position, announcedAt: Number(ms), ...readOutcomeFields(fields).entry };
}

/**
 * Each entry names the one before it. Where that is later than what the reader has read, something is gone
 * that it has not read: too old or too many, or erased, which is nobody's loss while older ones are there.
 */
function hasMissed(
  after: string,
  next: Entry | undefined,
  newest: string,
  oldest?: Entry,
): boolean {
  if (after === OLDEST_POSITION) return false;
  const previous = next ? readOutcomeFields(next[1]).previous : newest;
  if (comparePositions(previous, after) <= 0) return false;
  return !oldest || comparePositions(oldest[0], after) > 0;
}

/** Negative when the first is earlier. */
export function comparePositions(a: string, b: string): number {
  const [aMs = 0n, aNumber = 0n] = a.split('-').map(BigInt);
  const [bMs = 0n, bNumber = 0n] = b.split('-').map(BigInt);
  if (aMs !== bMs) return aMs < bMs ? -1 : 1;
  return aNumber === bNumber ? 0 : aNumber < bNumber ? -1 : 1;
}
