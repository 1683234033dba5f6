/**
 * Writes down who changed what: one line of JSON per change by a person or a token, in the log and in the
 * timeline of the batch. Whoever lets people change something makes an {@link Auditor} for each of them.
 */
import { errorName } from '../errors.js';
import {
  type Actor,
  type AuditAction,
  type AuditRecord,
  describeAudit,
  MAX_NAME_LENGTH,
  MAX_REASON_LENGTH,
} from '../jobs/audit-record.js';
import { erasedDigest } from '../jobs/erased.js';
import { batchJobId } from '../jobs/ids.js';
import { auditKey } from '../jobs/keys/redis-keys.js';
import { KEPT_LOG_LINES } from '../jobs/queues.js';
import type { Logger } from '../logging.js';
import { redisTimeMs } from '../redis/clock.js';
import { withTimeout } from '../timeouts.js';
import type { ClientQueues } from './client-queues.js';
import { redact } from './erase/redact.js';

export interface Auditor {
  actor: Actor;
  /**
   * Where there is a log. Without one the record goes to a worker, which writes it into its own: a command
   * ends long before anybody would collect what it prints.
   */
  logger?: Logger | undefined;
}

export interface Change {
  action: AuditAction;
  /** Of a change to one batch. */
  reference?: string | undefined;
  /** Of a change to many. */
  filter?: Record<string, string> | undefined;
  count?: number | undefined;
  reason?: string | undefined;
}

/** What came of a change, as it is written down. Fields that are given replace those of the change. */
export type Audited = Pick<AuditRecord, 'outcome'> &
  Partial<Pick<AuditRecord, 'reference' | 'count' | 'details'>>;

/** For a worker that comes to take them, within a week. */
const KEPT_RECORDS = 10_000;
const KEPT_SECONDS = 7 * 86_400;
/** Redis tells the time at once, or is away. Who is about to end has no time to wait for it. */
const CLOCK_TIMEOUT_MS = 1000;
/** For the record of a change that has failed: the clock may take half of it. */
const FAILURE_TIMEOUT_MS = 2 * CLOCK_TIMEOUT_MS;

/**
 * Makes a change, and writes down what came of it; also that it failed.
 * @param describe What came of it, in a word.
 */
export async function audited<T>(
  queues: ClientQueues,
  auditor: Auditor,
  change: Change,
  act: () => Promise<T>,
  describe: (result: T) => Audited,
): Promise<T> {
  const at = await auditTimeMs(queues);
  try {
    const result = await act();
    await writeAudit(queues, auditor, recordOf(auditor, change, at, describe(result)));
    return result;
  } catch (error) {
    const outcome = `error ${errorName(error)}`;
    await ofFailure(writeAudit(queues, auditor, recordOf(auditor, change, at, { outcome })));
    throw error;
  }
}

/** Writes down what was done before, or is about to be done. */
export async function noteChange(
  queues: ClientQueues,
  auditor: Auditor,
  change: Change,
  came: Audited,
): Promise<void> {
  const at = await auditTimeMs(queues);
  await writeAudit(queues, auditor, recordOf(auditor, change, at, came));
}

/**
 * Waits for the record of a change that has failed, for a moment: when Redis is away, the error itself is what people
 * have to know, and they have waited for it already. The writing goes on meanwhile.
 */
export async function ofFailure(written: Promise<void>): Promise<void> {
  await withTimeout(
    written.catch(() => {}),
    FAILURE_TIMEOUT_MS,
    () => {},
  );
}

/**
 * When Redis goes away in the middle of a change, that change has to be in the log all the same. Then the clock of
 * this process says when: a time that is wrong by a little is better than no record.
 */
function auditTimeMs({ link }: ClientQueues): Promise<number> {
  return withTimeout(redisTimeMs(link.redis), CLOCK_TIMEOUT_MS, Date.now).catch(Date.now);
}

function recordOf({ actor }: Auditor, change: Change, at: number, came: Audited): AuditRecord {
  const { action, filter = null, count = null } = change;
  return {
    at: new Date(at).toISOString(),
    actor: oneLine(actor.name, MAX_NAME_LENGTH),
    via: actor.via,
    address: actor.address ?? null,
    action,
    reference: nameOf(change),
    filter,
    count,
    reason: reasonOf(change),
    ...came,
  };
}

/** Of an erase the log names nobody, whatever comes of it: it is kept for longer than what was erased. */
function nameOf({ action, reference }: Change): string | null {
  if (reference === undefined) return null;
  if (action !== 'erase') return reference;
  return `sha256:${erasedDigest(reference, null)}`;
}

/** Who erases a batch may have named it in the reason too. */
function reasonOf({ action, reference, reason }: Change): string | null {
  if (reason === undefined) return null;
  const isNamed = action === 'erase' && reference !== undefined;
  return oneLine(isNamed ? redact(reason, reference) : reason, MAX_REASON_LENGTH);
}

/** What people type goes into lines of logs. */
function oneLine(text: string, maxLength: number): string {
  return text.replaceAll(/\p{Cc}+/gu, ' ').slice(0, maxLength);
}

async function writeAudit(
  { batches, link, prefix }: ClientQueues,
  { logger }: Auditor,
  record: AuditRecord,
): Promise<void> {
  const { reference } = record;
  if (logger) logAudit(logger, record);
  else {
    const key = auditKey(prefix);
    const write = link.redis.multi().rpush(key, JSON.stringify(record));
    await write.ltrim(key, -KEPT_RECORDS, -1).expire(key, KEPT_SECONDS).exec();
  }
  if (reference !== null && record.action !== 'erase') await addLine(batches, reference, record);
}

/** In the timeline of each of many batches, of a change that is in the log as a whole. */
export async function noteInTimelines(
  queues: ClientQueues,
  auditor: Auditor,
  change: Change,
  changed: readonly { reference: string; status: string }[],
): Promise<void> {
  const at = await auditTimeMs(queues);
  await Promise.all(
    changed.map(({ reference, status: outcome }) =>
      addLine(queues.batches, reference, recordOf(auditor, change, at, { outcome })),
    ),
  );
}

/** Of a job that is gone BullMQ keeps no line, and says so. */
async function addLine(
  batches: ClientQueues['batches'],
  reference: string,
  record: AuditRecord,
): Promise<void> {
  const line = `${record.at} ${describeAudit(record)}`;
  await batches.addJobLog(batchJobId(reference), line, KEPT_LOG_LINES).catch(() => {});
}

/** One line of the log. */
export function logAudit(logger: Logger, record: AuditRecord): void {
  const batch = record.reference === null ? '' : `${record.reference}: `;
  logger.info({ audit: true, ...record }, `audit: ${batch}${describeAudit(record)}`);
}
