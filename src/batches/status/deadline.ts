/** When a batch has to have ended, from its saved state and from what workers tell of themselves. */
import { readExtension } from '../../jobs/flags.js';
import { gateOutageKey } from '../../jobs/keys/gate-keys.js';
import { deadlineMsKey, extensionKey } from '../../jobs/keys/redis-keys.js';
import type { BatchState } from '../../jobs/state/batch-state.js';
import type { ClientQueues } from '../client-queues.js';
import type { LinePlace } from './line-place.js';

/** Of a batch that has not ended. */
export interface BatchDeadline {
  /**
   * When it comes, ISO 8601. Null before a worker has begun the batch, while it stands still, and for clients where
   * no worker has said for a week how long batches may take: the server goes by its own configuration then.
   */
  at: string | null;
  /** How much of it is left, in ms, while it stands still because an upload waits in line; null while it does not. */
  leftMs: number | null;
  /** How much more time than others the batch was given, in ms, all extensions together. */
  extendedMs: number;
  /** How long it has stood still in this run, in ms, up to when it last went on. */
  stoodMs: number;
}

/** What deadlines go by beside the states of their batches: one read for all batches of a list. */
export interface DeadlineFacts {
  /** Of all batches. Null where no worker has said it, and this process is not configured for it. */
  deadlineMs: number | null;
  /** How long nobody could send, and the time until which that is counted while it lasts. */
  outage: (string | null)[];
  /** As they are stored, by reference. */
  extensions: ReadonlyMap<string, string | null>;
}

export async function readDeadlineFacts(
  { link, prefix, deadlineMs: configuredMs }: ClientQueues,
  references: readonly string[],
): Promise<DeadlineFacts> {
  const keys = references.map((reference) => extensionKey(prefix, reference));
  const [toldMs, outage, extensions] = await Promise.all([
    link.redis.get(deadlineMsKey(prefix)),
    link.redis.hmget(gateOutageKey(prefix), 'ms', 'at'),
    keys.length === 0 ? [] : link.redis.mget(keys),
  ]);
  const pairs = references.map((reference, i) => [reference, extensions[i] ?? null] as const);
  const deadlineMs = toldMs === null ? (configuredMs ?? null) : Number(toldMs);
  return { deadlineMs, outage, extensions: new Map(pairs) };
}

interface Asked {
  reference: string;
  timestamp: number;
  /** Null before the first save of it. */
  state: BatchState | null;
  line: LinePlace | null;
}

export function deadlineOf(
  { deadlineMs, outage: [outageMs, outageAt], extensions }: DeadlineFacts,
  { reference, timestamp, state, line }: Asked,
): BatchDeadline {
  const extendedMs = readExtension(extensions.get(reference) ?? null, timestamp);
  // After a retry the state of the earlier run stays until a worker takes the job.
  if (state === null || state.outcome !== undefined)
    return { at: null, leftMs: null, extendedMs, stoodMs: 0 };
  const { startedAt, stoodMs = 0, inLineSince, outageBefore = 0 } = state;
  const never = { at: null, leftMs: null, extendedMs, stoodMs };
  if (deadlineMs === null) return never;
  const end = startedAt + stoodMs + deadlineMs + extendedMs;
  if (inLineSince === undefined) return { ...never, at: isoTime(end) };
  const leftMs = end - inLineSince - Math.max(0, Number(outageMs ?? 0) - outageBefore);
  // While nobody can send it goes on, from the time until which that is counted.
  if (line?.why === 'outage' && outageAt)
    return { ...never, at: isoTime(Number(outageAt) + leftMs) };
  return { ...never, leftMs: Math.max(0, Math.round(leftMs)) };
}

function isoTime(ms: number): string {
  return new Date(ms).toISOString();
}
